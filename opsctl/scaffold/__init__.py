"""A fresh folder for one's own system: commented documents that work as they are."""
