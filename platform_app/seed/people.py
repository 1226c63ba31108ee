"""The people: 2,000 customers, 200 providers with what they offer, one operator. Same seed number, same people.

Phones: customers 13800000001 … 13800002000, providers 13900000001 … 13900000200, the operator 13700000001.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from platform_app.seed.city import CATEGORIES, DISTRICT_WEIGHTS, DISTRICTS, ESTATE_ENDS, ESTATES, GIVEN, ROADS, SURNAMES

CUSTOMERS, PROVIDERS = 2_000, 200
DAY = 86_400
FIRST_CUSTOMER, FIRST_PROVIDER = 1_001, 2


@dataclass(frozen=True, slots=True)
class People:
    """Rows for the tables, ids included."""

    users: list[dict[str, Any]]
    providers: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    services: list[dict[str, Any]]
    offerings: list[dict[str, Any]]
    weights: list[int]
    """How often each offering is booked, beside its rating."""


def people(random: Random, first_day: int) -> People:
    """Everybody who was there when the 60 days began at `first_day`, and who joins on the way."""
    categories, services, popularity = _catalog()
    users = [_user(1, "13700000001", "运营小安", "operator", first_day - 400 * DAY)]
    providers: list[dict[str, Any]] = []
    offerings: list[dict[str, Any]] = []
    weights: list[int] = []
    for number in range(1, PROVIDERS + 1):
        user_id = FIRST_PROVIDER + number - 1
        since = first_day - random.randint(30, 700) * DAY
        row = _provider(random, number, user_id, since)
        users.append(_user(user_id, f"1390000{number:04d}", row["name"], "provider", since))
        providers.append(row)
        for service_id, price in _trade(random):
            offerings.append(_offering(len(offerings) + 1, services[service_id - 1], row, price))
            weights.append(popularity[service_id - 1])
    for number in range(1, CUSTOMERS + 1):
        since = first_day + random.randint(-500, 59) * DAY + random.randint(0, DAY - 1)
        since = since if number % 5 == 0 else min(since, first_day - DAY)
        users.append(_user(FIRST_CUSTOMER + number - 1, f"1380000{number:04d}", _name(random), "customer", since))
    return People(users, providers, categories, services, offerings, weights)


def _catalog() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[int]]:
    categories: list[dict[str, Any]] = []
    services: list[dict[str, Any]] = []
    popularity: list[int] = []
    for position, category in enumerate(CATEGORIES, 1):
        categories.append({"id": position, "name": category.name, "intro": category.intro, "position": position})
        for kind in category.services:
            service = {"id": len(services) + 1, "category_id": position, "name": kind.name, "intro": kind.intro}
            services.append({**service, "duration_minutes": kind.minutes})
            popularity.append(kind.weight)
    return categories, services, popularity


def _trade(random: Random) -> list[tuple[int, int]]:
    """What one provider does: services of one or two neighbouring trades, with his prices in fen."""
    first = random.choices(range(len(CATEGORIES)), weights=(9, 4, 4, 2, 2, 2, 2, 2, 1))[0]
    chosen = {first} | ({1, 2} if first == 0 and random.random() < 0.5 else set())
    level = random.random()
    found, service_id = [], 0
    for index, category in enumerate(CATEGORIES):
        for kind in category.services:
            service_id += 1
            if index in chosen and random.random() < 0.85:
                price = kind.low + (kind.high - kind.low) * (0.6 * level + 0.4 * random.random())
                found.append((service_id, round(price) * 100))
    return found or [(1, 10_000)]


def _provider(random: Random, number: int, user_id: int, since: int) -> dict[str, Any]:
    years = random.randint(1, 15)
    return {
        "id": number,
        "user_id": user_id,
        "name": f"{_name(random)}师傅" if random.random() < 0.4 else f"{_name(random)}阿姨",
        "district": random.choices(DISTRICTS, weights=DISTRICT_WEIGHTS)[0],
        "intro": random.choice(("细致守时", "手脚麻利", "经验丰富", "持证上岗", "老客户推荐")) + f",从业 {years} 年",
        "years": years,
        "rating_x100": min(499, max(380, round(random.gauss(462, 17)))),
        "orders_done": random.randint(10, 400),
        "created_at": since,
    }


def _offering(number: int, service: dict[str, Any], provider: dict[str, Any], price_fen: int) -> dict[str, Any]:
    return {
        "id": number,
        "service_id": service["id"],
        "category_id": service["category_id"],
        "provider_id": provider["id"],
        "provider_user_id": provider["user_id"],
        "provider_name": provider["name"],
        "price_fen": price_fen,
        "district": provider["district"],
        "rating_x100": provider["rating_x100"],
        "active": True,
        "created_at": provider["created_at"],
    }


def _user(user_id: int, phone: str, name: str, role: str, since: int) -> dict[str, Any]:
    return {"id": user_id, "phone": phone, "name": name, "role": role, "created_at": since}


def _name(random: Random) -> str:
    return random.choice(SURNAMES) + "".join(random.choices(GIVEN, k=random.choice((1, 2, 2))))


def address(random: Random, district: str) -> str:
    """A plausible address in a district."""
    road, estate = random.choice(ROADS[district]), random.choice(ESTATES) + random.choice(ESTATE_ENDS)
    where = f"{random.randint(1, 18)} 幢 {random.randint(1, 4)} 单元 {random.randint(1, 28)}0{random.randint(1, 4)}"
    return f"杭州市{district}{road} {random.randint(8, 880)} 号{estate} {where}"
