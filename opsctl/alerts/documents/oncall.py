"""The document of an on-call receiver: a policy, or a schedule, and what carries its messages."""

from __future__ import annotations

from opsctl.core.document import document


@document
class OnCallOf:
    """Pages people. Give `policy` (an escalation policy of oncall.yml) or `schedule` (whoever has the duty, once).

    `via`: receivers of this file that carry the message to a person; they are addressed to that person.
    """

    policy: str = ""
    schedule: str = ""
    via: tuple[str, ...]
    send_resolved: bool = True
