"""Payments: an attempt a row, events appended and never changed, money in fen."""
