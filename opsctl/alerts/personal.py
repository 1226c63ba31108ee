"""Receivers addressed to one person: what a page of the on-call ladder is sent by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from opsctl.alerts.receiver import Integration, Receiver
from opsctl.model.person import Person


@runtime_checkable
class Personal(Protocol):
    """A receiver that can be addressed to one person."""

    def addressed(self, person: Person) -> Receiver | None:
        """The same receiver telling `person` alone, or mentioning them; None when it cannot reach them."""
        ...


def personal(
    receivers: Mapping[str, tuple[Integration, ...]], carriers: Mapping[str, Iterable[str]], people: Iterable[Person]
) -> dict[str, Integration]:
    """Every integration that on-call receivers may need, by its key: one a person and carrying integration.

    `carriers`: on-call receiver → the receivers that may carry its messages. The receiver of the made ones is named
    `pager/person/via`, so that a delivery says for whom and by what.
    """
    known = tuple(people)
    return {
        made.key: made
        for name, vias in carriers.items()
        for via in vias
        for person in known
        for made in _addressed(name, person, via, receivers.get(via, ()))
    }


def _addressed(name: str, person: Person, via: str, carriers: Iterable[Integration]) -> Iterable[Integration]:
    for carrier in carriers:
        impl = carrier.impl.addressed(person) if isinstance(carrier.impl, Personal) else None
        if impl is not None:
            yield Integration(pager(name, person.id, via), carrier.index, impl)


def pager(name: str, person: str, via: str) -> str:
    """The receiver's name of a page."""
    return f"{name}/{person}/{via}"
