"""Senses: each collector looks at one kind of target and yields prometheus_client metric families.

Names, labels and types are those of the field's standard exporters, so that public rules and dashboards work unchanged.
A collector is prometheus_client's custom collector: an object with `collect()`. This package imports nothing of opsctl.
"""
