"""What the users endpoints take."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

Phone = Annotated[str, Field(pattern=r"^1[3-9]\d{9}$", description="Mainland mobile number, 11 digits")]


class CodeRequest(BaseModel):
    phone: Phone


class LoginRequest(BaseModel):
    phone: Phone
    code: Annotated[str, Field(pattern=r"^\d{6}$")]


class Activity(BaseModel):
    user_ids: Annotated[list[int], Field(max_length=10_000)]
