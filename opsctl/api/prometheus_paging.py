"""Pages of rule groups: `group_limit` a page, `group_next_token` names the group that the next one begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.api.prometheus_errors import bad
from opsctl.api.prometheus_params import Form, atoi
from opsctl.flows.ruling import GroupRun


@dataclass(frozen=True)
class Page:
    """At most `limit` groups (0: all), from the one that `begin` names."""

    limit: int = 0
    begin: str = ""

    def rest(self, runs: Sequence[GroupRun]) -> Sequence[GroupRun]:
        """The groups from the page's first on. Raises ApiError when the token names none of them."""
        if not self.begin:
            return runs
        first = next((i for i, run in enumerate(runs) if token(run) == self.begin), None)
        if first is None:
            raise bad("group_next_token", f"invalid group_next_token '{self.begin}'. were rule groups changed?")
        return runs[first:]


def page_of(params: Form) -> Page:
    """The page that is asked for. Raises ApiError."""
    limit, begin = params.get("group_limit"), params.get("group_next_token")
    if not limit:
        if begin:
            raise bad("group_next_token", "group_limit needs to be present in order to paginate over the groups")
        return Page()
    count = atoi("group_limit", limit, "ParseInt", 32, "group_limit needs to be a valid number: ")
    if count <= 0:
        raise bad("group_limit", "group_limit needs to be greater than 0")
    return Page(count, begin)


def token(run: GroupRun) -> str:
    """A group's name among pages: no secret, only an opaque key."""
    return hashlib.sha1(f"{run.group.file};{run.group.name}".encode(), usedforsecurity=False).hexdigest()
