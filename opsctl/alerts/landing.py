"""What becomes of a delivery after an answer. Pure: the sender writes it down."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsctl.alerts.delivery import FAILED, PENDING, SENT, Delivery, back_off
from opsctl.alerts.receiver import Outcome, Refused, RetryAfter, Sent
from opsctl.core.copied import copied

_REFUSED = "✗ "
_AND = " · "


@dataclass(frozen=True)
class Landed:
    """The delivery as it now stands. `outcome`: sent, retried, failed, or '' between two parts; `rest`: seconds for which
    the robot has to rest; `refused`: the last answer was a refusal.
    """

    delivery: Delivery
    outcome: str
    rest: float = 0.0
    refused: bool = False


def land(sending: Delivery, outcome: Outcome, parts: int, people: int, now: float, jitter: float) -> Landed:
    """After one part of `parts`, which go round `people`: of many people one who is refused does not stop the others."""
    if isinstance(outcome, RetryAfter) and (outcome.most is None or sending.attempts <= outcome.most):
        return _again(sending, outcome, now, jitter)
    reason = _refusals(sending.reason)
    if not isinstance(outcome, Sent):
        reason = f"{reason}{_REFUSED}{outcome.reason}" if people > 1 else outcome.reason
    if sending.part + 1 < parts and (isinstance(outcome, Sent) or people > 1):
        following = replace(sending, status=PENDING, part=sending.part + 1, attempts=0, next_at=now, reason=reason)
        return Landed(following, "")
    if not reason:
        return Landed(copied(sending, status=SENT, sent_at=now, reason="", next_at=0.0), "sent")
    failed = replace(sending, status=FAILED, reason=reason, next_at=0.0)
    return Landed(failed, "failed", refused=isinstance(outcome, Refused))


def _again(sending: Delivery, outcome: RetryAfter, now: float, jitter: float) -> Landed:
    wait = outcome.seconds
    if wait is None:  # counted from the beginning of the try (`next_at` of what is in flight), as Alertmanager does
        wait = max(0.0, sending.next_at + back_off(sending.attempts, jitter) - now)
    reason = f"{_refusals(sending.reason)}{_AND}{outcome.reason}".removeprefix(_AND)
    waiting = replace(sending, status=PENDING, next_at=now + wait, reason=reason)
    return Landed(waiting, "retried", rest=wait if outcome.rest else 0.0)


def _refusals(reason: str) -> str:
    """What people of a round have been refused for so far, out of the reason that stands in the log."""
    return reason.partition(_AND)[0] if reason.startswith(_REFUSED) else ""
