"""Runbooks: documents of steps that mend something, each explained, approved, recorded and undone."""
