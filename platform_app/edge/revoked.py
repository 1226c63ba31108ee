"""Which tokens were revoked: users is asked every second, a request costs two look-ups in memory.

While users does not answer, nothing new is learnt; a revoked token then counts until it expires by itself.
"""

from __future__ import annotations

from platform_app.kit.client import Client
from platform_app.kit.config import ConfigFolder
from platform_app.kit.tokens import LEEWAY, Principal

POLL_SECONDS = 1.0


class Revoked:
    """The sessions and generations that died within the life of an access token."""

    def __init__(self, client: Client, folder: ConfigFolder) -> None:
        self._client = client
        self._folder = folder
        self._next: int | None = None
        self._sessions: dict[int, int] = {}
        self._generations: dict[int, tuple[int, int]] = {}
        self.heard_at: float | None = None

    def knows(self, who: Principal) -> bool:
        """Whether this token was revoked."""
        if who.session_id in self._sessions:
            return True
        generation = self._generations.get(who.user_id)
        return generation is not None and who.generation < generation[0]

    async def learn(self, now: float) -> None:
        """Asks users for what is new. Raises Problem when it does not answer."""
        life = self._folder.config.jwt.access_seconds + LEEWAY
        since = max(0, int(now) - life - 60) if self._next is None else self._next
        more = True
        while more:
            answer = await self._client.call("users", "GET", f"/internal/revocations?since={since}")
            if not answer.ok:
                return
            report = answer.json()
            for user_id, session_id, generation, at in report["items"]:
                self._note(user_id, session_id, generation, at)
            more, since = report["more"], report["next"]
        self._next, self.heard_at = since, now
        self._forget(int(now) - life - 60)

    def _note(self, user_id: int, session_id: int, generation: int, at: int) -> None:
        if session_id:
            self._sessions[session_id] = at
        else:
            self._generations[user_id] = max((generation, at), self._generations.get(user_id, (0, 0)))

    def _forget(self, before: int) -> None:
        """Tokens that old have expired. (Both are in the order of their time, but for some seconds.)"""
        for session_id in [s for s, at in self._sessions.items() if at < before]:
            del self._sessions[session_id]
        for user_id in [u for u, (_, at) in self._generations.items() if at < before]:
            del self._generations[user_id]
