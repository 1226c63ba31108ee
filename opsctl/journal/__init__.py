"""What must survive kill -9 and go on: intents and outcomes of steps."""

from opsctl.journal.run import SCHEMA, Entry, Journal, Run, UnknownStep

__all__ = ["SCHEMA", "Entry", "Journal", "Run", "UnknownStep"]
