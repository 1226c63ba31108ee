"""Who plays: phones of the seeded people, and the choice of who comes next."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from platform_app.seed.people import CUSTOMERS, PROVIDERS

NEWCOMER_CHANCE = 0.1
REGULARS = 20


def customer_phone(number: int) -> str:
    """The phone of the customer with this number, from 1 to 2,000."""
    return f"1380000{number:04d}"


def provider_phone(provider_id: int) -> str:
    """The phone of a provider, from 1 to 200."""
    return f"1390000{provider_id:04d}"


def is_seeded_provider(provider_id: int) -> bool:
    return 1 <= provider_id <= PROVIDERS


def next_customer(chance: Random, known: Sequence[str]) -> str:
    """The phone of who comes next: mostly somebody who is logged in, sometimes somebody new today."""
    regulars = [phone for phone in known if phone.startswith("1380000")]
    if len(regulars) >= REGULARS and chance.random() >= NEWCOMER_CHANCE:
        return chance.choice(regulars)
    return customer_phone(chance.randint(1, CUSTOMERS))
