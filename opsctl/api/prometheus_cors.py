"""Which pages of other origins may read the API. Source: prometheus util/httputil/cors.go."""

from __future__ import annotations

import re
from collections.abc import Mapping

ANY = ".*"
_ALLOWED = {
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, Origin",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Expose-Headers": "Date",
}


class Cors:
    """`origin`: a regular expression of the whole origin, `.*` for all. Raises re.error when it is none."""

    def __init__(self, origin: str = ANY) -> None:
        self._any = origin == ANY
        self._origin = re.compile(f"(?:{origin})")

    def headers(self, asked: Mapping[str, str]) -> dict[str, str]:
        """What an answer to a request with these headers carries."""
        origin = asked.get("origin", "")
        if not origin:
            return {"Vary": "Origin"}
        allowed = "*" if self._any else origin if self._origin.fullmatch(origin) else ""
        return {"Vary": "Origin", **_ALLOWED, **({"Access-Control-Allow-Origin": allowed} if allowed else {})}
