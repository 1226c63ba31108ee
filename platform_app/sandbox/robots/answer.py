"""What a robot answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from platform_app.sandbox.wall import Link


class Refused(Exception):
    """The robot refuses a message: an errcode and its words."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


@dataclass(frozen=True)
class Shown:
    """A message as the group sees it."""

    text: str
    title: str = ""
    links: tuple[Link, ...] = ()


def parse_object(body: bytes, refused: Refused) -> dict[str, Any]:
    """The body as a JSON object, else raises `refused`."""
    try:
        data = json.loads(body)
    except ValueError as error:
        raise refused from error
    if not isinstance(data, dict):
        raise refused
    return data
