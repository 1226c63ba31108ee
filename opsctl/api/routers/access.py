"""/api/opsctl/v1/users and /audit."""

from __future__ import annotations

import time
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from opsctl.access.audit import Audit
from opsctl.access.roles import Principal
from opsctl.access.tokens import Tokens
from opsctl.api.access import require


class NewToken(BaseModel):
    """A token to be made."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.@-]+$")
    role: Literal["viewer", "operator", "approver", "admin"]


def router(tokens: Tokens, audit: Audit) -> APIRouter:
    """Tokens are an admin's; the audit log is read by operators."""
    made = APIRouter(tags=["access"])

    @made.get("/users")
    def list_tokens(_: Principal = require("admin")) -> list[dict[str, Any]]:
        return tokens.list()

    @made.post("/users", status_code=201)
    def add(new: NewToken, request: Request, _: Principal = require("admin")) -> dict[str, str]:
        request.state.audit = {"name": new.name, "role": new.role}
        return {"name": new.name, "role": new.role, "token": tokens.add(new.name, new.role, time.time())}

    @made.delete("/users/{name}", status_code=204)
    def revoke(name: str, _: Principal = require("admin")) -> None:
        tokens.revoke(name, time.time())

    @made.get("/audit")
    def list_audit(
        limit: int = 100, who: str = "", since: float = 0.0, _: Principal = require("operator")
    ) -> list[dict[str, Any]]:
        return audit.list(min(limit, 10_000), who, since)

    @made.get("/audit/verify")
    def verify(_: Principal = require("operator")) -> dict[str, int | None]:
        return {"first_broken": audit.verify()}

    return made
