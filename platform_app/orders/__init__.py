"""Bookings: slots held, paid, accepted, completed; no slot twice."""
