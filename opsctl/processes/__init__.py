"""Keeping processes: what to run, supervisor's configuration, its state, its ports."""
