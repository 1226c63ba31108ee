"""Relabelling: how a target's or a series' labels are rewritten, kept or dropped. Pure."""

from opsctl.relabel.relabel import relabel
from opsctl.relabel.rule import Rule

__all__ = ["Rule", "relabel"]
