"""Who may do what in users: one table. An endpoint that is not in it refuses everybody.

Objects are always looked up among the caller's own, so somebody else's address or device is 404 for every role.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from sqlalchemy import Row

from platform_app.kit.auth import Principal, principal
from platform_app.kit.problem import Problem
from platform_app.kit.service import Here
from platform_app.kit.tokens import dead
from platform_app.users import sessions

CUSTOMER, PROVIDER, OPERATOR = "customer", "provider", "operator"
OPEN: Final = ("anybody",)
EVERYONE: Final = (CUSTOMER, PROVIDER, OPERATOR)

RIGHTS: dict[str, tuple[str, ...]] = {
    "POST /api/v1/auth/code": OPEN,
    "POST /api/v1/auth/login": OPEN,
    "POST /api/v1/auth/refresh": OPEN,
    "POST /api/v1/auth/logout": EVERYONE,
    "POST /api/v1/auth/logout-everywhere": EVERYONE,
    "GET /api/v1/me": EVERYONE,
    "PATCH /api/v1/me": EVERYONE,
    "POST /api/v1/me/deletion": (CUSTOMER,),
    "POST /api/v1/me/deletion-code": (CUSTOMER,),
    "POST /api/v1/me/phone-code": EVERYONE,
    "PUT /api/v1/me/phone": EVERYONE,
    "GET /api/v1/me/export": EVERYONE,
    "GET /api/v1/me/devices": EVERYONE,
    "PATCH /api/v1/me/devices/{device_id}": EVERYONE,
    "DELETE /api/v1/me/devices/{device_id}": EVERYONE,
    "GET /api/v1/me/addresses": EVERYONE,
    "POST /api/v1/me/addresses": EVERYONE,
    "GET /api/v1/me/addresses/{address_id}": EVERYONE,
    "PATCH /api/v1/me/addresses/{address_id}": EVERYONE,
    "DELETE /api/v1/me/addresses/{address_id}": EVERYONE,
    "POST /api/v1/me/addresses/{address_id}/default": EVERYONE,
    "GET /api/v1/users/{user_id}": (OPERATOR,),
    "POST /api/v1/users/{user_id}/logout-everywhere": (OPERATOR,),
}
"""A provider cannot delete his account himself: jobs and income hang on it. Operators are made and unmade by
`python -m platform_app.users.operators`, by no endpoint."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who calls, checked just now: the token's claims, and the row of users_user."""

    who: Principal
    row: Row[Any]

    @property
    def id(self) -> int:
        return self.who.user_id


async def person(request: Request, service: Here, who: Annotated[Principal, Depends(principal)]) -> Person:
    """FastAPI dependency: a living login whose role may use this endpoint. Raises Problem 401 or 403.

    The database is asked each time: here a revoked token is dead at once.
    """
    async with service.db.read() as c:
        row = await sessions.living(c, who)
    if row is None:
        raise dead()
    allowed = RIGHTS.get(f"{request.method} {request.scope['route'].path}", ())
    if row.role not in allowed:
        raise Problem(403, "forbidden", "没有权限")
    return Person(who, row)


Me = Annotated[Person, Depends(person)]
"""Endpoint argument type: the caller, allowed to call this endpoint."""
