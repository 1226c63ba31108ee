"""oncall.yml: the people who may be called, and how long an acknowledgement holds."""

from __future__ import annotations

from pathlib import Path

from opsctl.core.document import Duration, convert, document, read


@document
class Person:
    """Somebody on call; the ids are those of the channels, for mentions and personal links."""

    id: str
    name: str
    mobile: str = ""
    dingtalk: str = ""
    wecom: str = ""


@document
class OnCall:
    """All of oncall.yml. `ack_timeout` in seconds."""

    people: tuple[Person, ...] = ()
    ack_timeout: Duration = 3600.0

    def person(self, wanted: str) -> Person | None:
        return next((p for p in self.people if p.id == wanted), None)


def load_oncall(path: Path | None) -> OnCall:
    """Reads oncall.yml; without a file nobody is known. Raises DocumentError."""
    if path is None:
        return OnCall()
    source = read(path)
    made = convert(source, OnCall)
    seen: set[str] = set()
    for n, person in enumerate(made.people):
        if not person.id or person.id in seen:
            raise source.refuse(("people", n, "id"), f"the id {person.id!r} is empty or used twice")
        seen.add(person.id)
    if made.ack_timeout <= 0:
        raise source.refuse(("ack_timeout",), "must be more than zero")
    return made
