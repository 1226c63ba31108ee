"""Strange requests to every endpoint of users: never a 5xx, never a status that the document does not name."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest

from platform_app.users.rights import RIGHTS
from tests.platform_app.users.support import call, log_in
from tests.platform_app.users.test_addresses import HOME
from tests.platform_app.users.test_rights import BODIES
from tests.platform_app.world import Platform

STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**70,
    1e308,
    "",
    " ",
    "\u0000",
    "\u202e王",
    "👩‍👩‍👧",
    "x" * 5_000,
    "' OR 1=1 --",
    "13900000077",
    "000000",
    [],
    {},
    [{"a": []}] * 50,
)
RAW = (b"", b"{", b"\xff\xfe", b'{"phone": "\\ud800"}', b"[" * 2_000, b'{"lat": NaN}', b"null", b'"x"', b"1" * 5_000)
HEADERS = (
    {},
    {},
    {"Idempotency-Key": "a b"},
    {"Idempotency-Key": "k" * 81},
    {"If-Match": '"99999999999999999999"'},
    {"X-Device-Id": "?" * 100},
    {"Content-Type": "text/plain"},
    {"X-Forwarded-For": "not, an, address"},
)


def body_of(chance: Random, name: str) -> dict[str, Any]:
    """A body of the right shape with strange values here and there, or no shape at all."""
    if chance.random() < 0.25:
        return {"data": chance.choice(RAW), "headers": {"Content-Type": "application/json"}}
    fields = BODIES.get(name, {}) | {"phone": "13900000077", "code": "000000", "refresh_token": "x", "name": "王"}
    wish = dict(HOME if "addresses" in name else fields)
    for field in chance.sample(sorted(wish), chance.randint(0, min(3, len(wish)))):
        wish[field] = chance.choice(STRANGE)
    if chance.random() < 0.2:
        wish["版本"] = chance.choice(STRANGE)
    text = orjson.dumps({k: str(v) if isinstance(v, int) and abs(v) > 2**63 else v for k, v in wish.items()})
    return {"data": text, "headers": {"Content-Type": "application/json"}}


@pytest.mark.campaign
@pytest.mark.timeout(3600)
async def test_nothing_strange_breaks_users(platform: Platform, seed: int, request: pytest.FixtureRequest) -> None:
    await platform.start("users", "edge")
    document = (await platform.request("edge", "GET", "/openapi.json"))[1]
    chance, rounds = Random(seed), (request.config.getoption("--rounds") or 3) * 4
    for name in [n for n in RIGHTS if not n.endswith(("deletion", "/{user_id}/logout-everywhere"))]:
        method, _, path = name.partition(" ")
        operation = document["paths"][path][method.lower()]
        for _ in range(rounds):
            login = await log_in(platform, 1)
            number = chance.choice(["1", "2", "0", "-5", "9" * 25, "x", "%00", "%F0%9F%98%80"])
            real = path.removeprefix("/api/v1")
            for part in ("user_id", "device_id", "address_id"):
                real = real.replace(f"{{{part}}}", number)
            wish = body_of(chance, name)
            headers = wish["headers"] | chance.choice(HEADERS)
            if chance.random() < 0.1:
                login = None  # type: ignore[assignment]
            answer = await call(platform, method, real, login, data=wish["data"], headers=headers)
            shown = (name, number, headers, wish["data"][:200], answer.body)
            assert str(answer.status) in operation["responses"], shown
            assert answer.status < 500 or answer.status == 502, shown
            if answer.status >= 400:
                assert answer.body["code"], shown
