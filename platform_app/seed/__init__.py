"""Sixty days of a made-up but consistent business, the same for the same seed number and first start."""
