"""Masks of personal data: phones, addresses and names for other eyes, and a sweep over log fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
_PHONE = r"(?<!\d)(?P<front>1[3-9]\d)(?P<s1>[ -]?)\d{4}(?P<s2>[ -]?)(?P<back>\d{4})(?!\d)"
_PHONE_AFTER_CODE = r"(?<!\d)(?P<land>\+?86[ -]?)(?P<cfront>1[3-9]\d)[ -]?\d{4}[ -]?(?P<cback>\d{4})(?!\d)"
_HEX = r"(?<![0-9A-Za-z])(?=[0-9]*[a-fA-F])[0-9a-fA-F]{16,}(?![0-9A-Za-z])"
_TOKEN = r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|(?<=Bearer )[\w.~+/=-]{8,}"
_SWEEP = re.compile(f"(?P<hex>{_HEX})|(?P<token>{_TOKEN})|{_PHONE_AFTER_CODE}|{_PHONE}")
"""Ids of traces and events (long hex words) stay whole, though ten of their digits may look like a phone."""

_PHONE_KEYS = frozenset({"phone", "mobile", "phone_number", "phone_numbers", "contact_phone"})
_ADDRESS_KEYS = frozenset({"address", "detail", "street", "contact", "contact_name", "user_name"})
_SECRET_KEYS = frozenset(
    {"access_token", "refresh_token", "token", "authorization", "secret", "password", "sms_code", "digits", "otp"}
)


def mask_phone(phone: str) -> str:
    """A phone as others see it: 139****0077; what is shorter than seven characters is hidden whole."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > 7 else HIDDEN


def mask_text(text: str, keep: int = 6) -> str:
    """The beginning of an address: the first `keep` characters, at most half of it."""
    return text[: min(keep, len(text) // 2)] + HIDDEN if text else ""


def mask_name(name: str) -> str:
    """The first character of a name: 王**."""
    return name[:1] + "**" if name else ""


def sweep(text: str) -> str:
    """A text without phone numbers (also +86, blanks, dashes) and bearer tokens."""
    return _SWEEP.sub(_replace, text)


def masked(value: Any, key: str = "") -> Any:
    """A log value with personal data hidden, by its key and by its looks; mappings and sequences through and through."""
    key = key.lower().rpartition(".")[2]
    if key in _SECRET_KEYS:
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(k): masked(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item, key) for item in value]
    if value is None or isinstance(value, bool | float):
        return value
    if key in _PHONE_KEYS:
        return mask_phone(str(value))
    if isinstance(value, int):
        return value
    return sweep(mask_text(str(value)) if key in _ADDRESS_KEYS else str(value))


def _replace(match: re.Match[str]) -> str:
    if match["hex"] is not None:
        return match["hex"]
    if match["token"] is not None:
        return HIDDEN
    if match["cfront"] is not None:
        return f"{match['land']}{match['cfront']}****{match['cback']}"
    return f"{match['front']}****{match['back']}"
