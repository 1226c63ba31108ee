"""Optimistic versions: a change names the version that it was made from, by `If-Match` or in the body.

A wrong `If-Match` is 412, a wrong `version` in the body 409, neither of them 428; the answer gives the version in force.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header

from platform_app.kit.problem import Problem

IfMatch = Annotated[str, Header(max_length=40, description='The version that was read, e.g. "3"; or `*`')]
_TAG = re.compile(r'^(?:W/)?"?(\d{1,9})"?$')


def etag(version: int) -> dict[str, str]:
    """The ETag header of a version."""
    return {"ETag": f'"{version}"'}


def check_version(current: int, if_match: str, field: int | None, *, needed: bool = True) -> None:
    """Raises Problem when a change was not made from version `current`; `needed`: it has to name one."""
    if if_match == "*":
        return
    if if_match:
        found = _TAG.match(if_match)
        if found is None or int(found[1]) != current:
            raise Problem(412, "version_changed", "内容已被修改,请刷新后再试", version=current)
    elif field is not None:
        if field != current:
            raise Problem(409, "version_changed", "内容已被修改,请刷新后再试", version=current)
    elif needed:
        raise Problem(428, "version_needed", "请提供版本号(If-Match 或 version)", version=current)
