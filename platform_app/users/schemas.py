"""What the users endpoints take. Every field is bounded; what is wrong is said in Chinese."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from fastapi import Header, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

_PHONE = re.compile(r"1[3-9][0-9]{9}")
MOST_ID = 2**63 - 1


def is_phone(text: str) -> bool:
    """Whether this is a mainland mobile number."""
    return _PHONE.fullmatch(text) is not None


def _phone(value: str) -> str:
    if not is_phone(value):
        raise PydanticCustomError("phone", "请输入 11 位手机号")
    return value


def _plain(value: str) -> str:
    """Text that a screen can show: normalised, no control characters, no halves of characters."""
    if any(unicodedata.category(x) in ("Cc", "Cs", "Cn", "Co") for x in value):
        raise PydanticCustomError("text", "含有不支持的字符")
    return unicodedata.normalize("NFC", value)


Phone = Annotated[
    str,
    Field(max_length=20, description="Mainland mobile number, 11 digits", examples=["13900000077"]),
    AfterValidator(_phone),
]
Digits = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="The code of six digits", examples=["428190"])]
DeviceKey = Annotated[
    str,
    Header(pattern=r"^([A-Za-z0-9._-]{8,64})?$", description="The app's own id of the device", examples=["a1b2c3d4"]),
]
Id = Annotated[int, Path(ge=1, le=MOST_ID, examples=[1])]
Version = Annotated[int | None, Field(ge=1, le=10**9, description="The version that was read", examples=[3])]


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=32),
    AfterValidator(_plain),
    Field(examples=["王芳"]),
]
DeviceName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=0, max_length=40),
    AfterValidator(_plain),
    Field(examples=["我的手机"]),
]
App = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=0, max_length=40),
    AfterValidator(_plain),
    Field(examples=["anxin/2.3 (Android 14)"]),
]
Contact = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20),
    AfterValidator(_plain),
    Field(examples=["王芳"]),
]
Region = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=20),
    AfterValidator(_plain),
    Field(examples=["杭州市"]),
]
Street = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(_plain),
    Field(examples=["文三路 99 号"]),
]
Detail = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=0, max_length=80),
    AfterValidator(_plain),
    Field(examples=["3 幢 2 单元 501"]),
]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=0, max_length=10),
    AfterValidator(_plain),
    Field(examples=["家"]),
]
Latitude = Annotated[float, Field(ge=3.8, le=53.6, allow_inf_nan=False, description="GCJ-02", examples=[30.276851])]
Longitude = Annotated[float, Field(ge=73.4, le=135.1, allow_inf_nan=False, description="GCJ-02", examples=[120.131932])]
"""Within China's bounds."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeRequest(BaseModel):
    phone: Phone


class LoginRequest(BaseModel):
    phone: Phone
    code: Digits
    device_name: DeviceName = ""
    app: App = ""


class RefreshRequest(BaseModel):
    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class ProfileChange(_Strict):
    name: Name
    version: Version = None


class PhoneChange(_Strict):
    phone: Phone
    code: Digits


class Deletion(_Strict):
    code: Digits


class DeviceChange(_Strict):
    name: DeviceName


class NewAddress(_Strict):
    contact: Contact
    phone: Phone
    province: Region
    city: Region
    district: Region
    street: Street
    detail: Detail = ""
    label: Label = ""
    lat: Latitude
    lng: Longitude
    default: bool = False


class AddressChange(_Strict):
    """Only what is given changes."""

    contact: Contact | None = None
    phone: Phone | None = None
    province: Region | None = None
    city: Region | None = None
    district: Region | None = None
    street: Street | None = None
    detail: Detail | None = None
    label: Label | None = None
    lat: Latitude | None = None
    lng: Longitude | None = None
    version: Version = None


class Activity(BaseModel):
    user_ids: Annotated[list[int], Field(max_length=10_000)]
