"""A provider's story: accept what was paid for, complete what was accepted, sometimes with a photo."""

from __future__ import annotations

import struct
import time
import zlib
from random import Random

from platform_app.seed.people import PROVIDERS
from platform_app.traffic.api import Api
from platform_app.traffic.jobs import Act, Job, Jobs
from platform_app.traffic.logins import Logins
from platform_app.traffic.people import is_seeded_provider, provider_phone

PHOTO_CHANCE = 0.05
LIST_CHANCE = 0.01


class Provider:
    """One provider's phone after the other: `story` does one thing that is to be done."""

    def __init__(self, api: Api, logins: Logins, jobs: Jobs, chance: Random) -> None:
        self._api = api
        self._logins = logins
        self._jobs = jobs
        self._chance = chance

    async def story(self) -> str:
        """Does the next job; returns how it ended, '' when there was nothing to do."""
        found = self._jobs.take(time.time())
        if found is None:
            return await self._own_list() if self._chance.random() < LIST_CHANCE else ""
        act, job = found
        if not is_seeded_provider(job.provider_id):
            return "stranger"  # somebody registered through the app; only he can log in
        token = await self._logins.token(provider_phone(job.provider_id))
        if not token:
            return "not_logged_in"
        return await self._accept(token, job) if act == "accept" else await self._complete(token, job)

    async def _accept(self, token: str, job: Job) -> str:
        if self._chance.random() < 0.02:
            return "not_accepted"
        reply = await self._api.call("accept", "POST", f"/orders/{job.order_id}/accept", token=token)
        self._note(job.provider_id, reply.status)
        if not reply.ok:
            return self._again("accept", job, reply.result)
        self._jobs.add(job, "complete", time.time() + self._chance.uniform(5, 40))
        return "accepted"

    async def _complete(self, token: str, job: Job) -> str:
        photo = png(self._chance) if self._chance.random() < PHOTO_CHANCE else None
        path = f"/orders/{job.order_id}/complete"
        reply = await self._api.call("complete", "POST", path, token=token, photo=photo)
        self._note(job.provider_id, reply.status)
        return "completed" if reply.ok else self._again("complete", job, reply.result)

    def _again(self, act: Act, job: Job, result: str) -> str:
        """What failed for no fault of the job is tried again, for an hour."""
        if result != "refused" and time.time() - job.at < 3600:
            self._jobs.add(job, act, time.time() + 15)
        return f"not_{act}ed" if act == "accept" else "not_completed"

    async def _own_list(self) -> str:
        """A look at one's paid orders; what an earlier run of this program left is picked up here."""
        provider_id = self._chance.randint(1, PROVIDERS)
        phone = provider_phone(provider_id)
        if phone not in self._logins.known():
            return ""
        token = await self._logins.token(phone)
        reply = await self._api.call("jobs", "GET", "/orders", token=token, query={"status": "paid", "limit": "5"})
        self._note(provider_id, reply.status)
        for order in reply.items():
            self._jobs.add(Job(order["id"], provider_id, time.time()))
        return "looked_at_list"

    def _note(self, provider_id: int, status: int) -> None:
        if status == 401:
            self._logins.forget(provider_phone(provider_id))


def png(chance: Random, side: int = 24) -> bytes:
    """A small photo of nothing in particular: a valid RGB PNG of about 2 kB."""
    rows = b"".join(b"\0" + chance.randbytes(side * 3) for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
