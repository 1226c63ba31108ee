"""The noise report of the last days, from the delivery log and the acknowledgements."""

from __future__ import annotations

from opsctl.alerts.history import History
from opsctl.alerts.noise import Report, report
from opsctl.oncall.acks import Acks


def noise(history: History, acks: Acks, now: float, days: float) -> Report:
    """Reads the whole span: not on the event loop."""
    start = now - days * 86_400.0
    return report(history.told_since(start), acks.given_since(start), start, now, history.oldest())
