"""Who was here: people seen at the edge are told to users now and then, a batch at a time."""

from __future__ import annotations

from collections import OrderedDict

from platform_app.kit.client import Client
from platform_app.kit.config import PlatformConfig
from platform_app.kit.problem import Problem
from platform_app.kit.tokens import Principal, read_token

BATCH = 5_000
REMEMBERED = 10_000


class Visitors:
    """Checks login tokens (each signature once) and remembers whom they named since the last report."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tokens: OrderedDict[str, Principal] = OrderedDict()
        self._version = 0
        self._seen: set[int] = set()

    def who_is(self, authorization: str, config: PlatformConfig) -> Principal | None:
        """The logged-in caller, or None: whether a login is needed is for the services to decide."""
        token = authorization[7:] if authorization[:7].lower() == "bearer " else ""
        if not token:
            return None
        if self._version != config.version or len(self._tokens) > REMEMBERED:
            self._tokens.clear()
            self._version = config.version
        who = self._tokens.get(token)
        if who is None:
            try:
                who = self._tokens[token] = read_token(config, token)
            except Problem:
                return None
        return who

    def saw(self, who: Principal) -> None:
        """Somebody is here."""
        self._seen.add(who.user_id)

    async def report(self) -> None:
        """One batch to users. Those not taken stay for the next time."""
        batch = list(self._seen)[:BATCH]
        if not batch:
            return
        answer = await self._client.call("users", "POST", "/internal/activity", json={"user_ids": batch})
        if answer.ok:
            self._seen.difference_update(batch)
