"""Alerts: route, inhibit, silence, group, dedup, deliver. The meaning is Alertmanager's, the memory is durable."""
