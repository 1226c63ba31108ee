"""Incidents: alerts that belong together, from the first to the last, with everything that happened in between."""
