"""Gamedays: break something from outside, time how the product mends it, put everything back."""
