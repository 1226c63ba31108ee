"""Tokens as a state machine, with clients that act at the same moment, lost answers, theft and a clock that moves:
no revoked token ever works, no valid one fails. On both engines; `--rounds N --seed S`."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as play
from sqlalchemy import insert, select

from platform_app.kit.config import ConfigFolder
from platform_app.kit.db import Db, sync_engine
from platform_app.kit.problem import Problem
from platform_app.kit.tokens import Principal, issue, read_token
from platform_app.users import refresh, sessions
from platform_app.users.sessions import Device, Login, Renewal
from platform_app.users.tables import session as session_table
from platform_app.users.tables import user
from tests.platform_app.conftest import empty
from tests.platform_app.sandbox.homes import make_home

T = TypeVar("T")
START, DAY, GRACE = 1_800_000_000, 86_400, 30
WATCHED = 12
PICK = st.integers(0, 40)


@dataclass
class Family:
    """What the model knows of one login."""

    user_id: int
    session_id: int
    current: str
    expires_at: int
    latest: int
    device: str = ""
    used: list[str] = field(default_factory=list)
    revoked: bool = False

    def counts(self, now: int) -> bool:
        return not self.revoked and now < self.expires_at


@dataclass
class Access:
    """An access token, and until when it counts if nobody revokes it."""

    token: str
    family: Family
    until: int


class Tokens(RuleBasedStateMachine):
    """The real functions on a real database beside a model of what must be."""

    open_database: Callable[[], str]
    folder: ConfigFolder

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = START
        self.known: list[Family] = []
        self.access: list[Access] = []
        self.loose: list[Family] = []

    @initialize()
    def begin(self) -> None:
        url = type(self).open_database()
        engine = sync_engine(url)
        with engine.begin() as c:
            people = [{"id": i, "phone": f"1380000000{i}", "name": "人", "role": "customer"} for i in (1, 2)]
            c.execute(insert(user), [{**p, "created_at": START} for p in people])
        engine.dispose()
        self.db = Db(url)

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.runner.run(self.db.close())
        self.runner.close()

    # what the service does

    async def _log_in(self, user_id: int, device: str) -> Login:
        async with self.db.transaction() as c:
            row = await sessions.hold_user(c, user_id)
            assert row is not None
            return await sessions.begin(c, self.folder.config, row, Device(device), self.now)

    async def _renew(self, token: str) -> Renewal:
        async with self.db.transaction() as c:
            return await sessions.renew(c, self.folder.config, token, self.now)

    async def _end(self, family: Family) -> bool:
        async with self.db.transaction() as c:
            return await sessions.end(c, family.user_id, family.session_id, "logout", self.now)

    async def _end_all(self, user_id: int) -> None:
        async with self.db.transaction() as c:
            await sessions.end_all(c, user_id, "everywhere", self.now)

    async def _works(self, token: str) -> bool:
        try:
            who: Principal = read_token(self.folder.config, token, self.now)
        except Problem:
            return False
        async with self.db.read() as c:
            return await sessions.living(c, who) is not None

    async def _revoked(self, session_id: int) -> bool:
        async with self.db.read() as c:
            row = (await c.execute(session_table.select().where(session_table.c.id == session_id))).one()
        return row.revoked_at is not None

    async def _together(self, *calls: Awaitable[T]) -> list[T]:
        return list(await asyncio.gather(*calls))

    # what the model makes of it

    def _some(self, pick: int) -> Family:
        """Mostly a login that counts: that is where something can happen."""
        pool = [f for f in self.known if f.counts(self.now)] if pick % 5 else self.known
        return pool[pick % len(pool)] if pool else self._joined(self.runner.run(self._log_in(1, "")), 1, "")

    def _joined(self, login: Login, user_id: int, device: str) -> Family:
        family = Family(
            user_id, login.who.session_id, login.refresh_token, login.refresh_expires_at, self.now + 180 * DAY, device
        )
        self.known.append(family)
        self._holds(login, family)
        return family

    def _holds(self, login: Login, family: Family) -> None:
        self.access = [*self.access, Access(login.access_token, family, self.now + 900)][-WATCHED:]

    def _rotated(self, family: Family, login: Login) -> None:
        assert login.refresh_token not in (family.current, *family.used)
        family.used.append(family.current)
        family.current = login.refresh_token
        family.expires_at = min(self.now + 30 * DAY, family.latest)
        assert login.refresh_expires_at == family.expires_at

    # the rules

    @rule(user_id=st.integers(1, 2), device=st.sampled_from(["", "", "phone", "tablet"]))
    def log_in(self, user_id: int, device: str) -> None:
        for old in self.known:
            if device and old.user_id == user_id and old.device == device and old.counts(self.now):
                old.revoked = True
        self._joined(self.runner.run(self._log_in(user_id, device)), user_id, device)

    @rule(user_id=st.integers(1, 2))
    def a_token_of_no_session(self, user_id: int) -> None:
        """As they were before there were devices: only logging out everywhere ends them."""

        async def generation() -> int:
            async with self.db.read() as c:
                return int((await c.execute(select(user.c.token_generation).where(user.c.id == user_id))).scalar_one())

        who = Principal(user_id, "customer", generation=self.runner.run(generation()))
        family = Family(user_id, 0, "", 0, 0)
        self.loose.append(family)
        self.access = [*self.access, Access(issue(self.folder.config, who, self.now), family, self.now + 900)][
            -WATCHED:
        ]

    @rule(pick=PICK, at_once=st.integers(1, 4))
    def refresh_with_the_current_token(self, pick: int, at_once: int) -> None:
        family = self._some(pick)

        async def all_together() -> list[Renewal]:
            return await self._together(*(self._renew(family.current) for _ in range(at_once)))

        done = self.runner.run(all_together())
        if not family.counts(self.now):
            assert {d.outcome for d in done} == {"dead"}
            return
        assert sorted(d.outcome for d in done) == ["ok"] + ["repeated"] * (at_once - 1)
        assert len({d.login.refresh_token for d in done if d.login}) == 1, "the family never forks"
        logins = [d.login for d in done if d.login]
        self._rotated(family, logins[0])
        for login in logins[:2]:
            self._holds(login, family)

    @rule(
        pick=PICK,
        renewals=st.integers(1, 3),
        back=st.integers(1, 3),
        pause=st.sampled_from([0, 1, GRACE, GRACE + 1, 10 * GRACE - 1, 901]),
    )
    def an_old_token_comes_again(self, pick: int, renewals: int, back: int, pause: int) -> None:
        """The last one: its answer was lost. An older one, or too late: two hold this family."""
        family = self._some(pick)
        if not family.counts(self.now):
            return
        for _ in range(renewals):
            done = self.runner.run(self._renew(family.current))
            assert done.outcome == "ok"
            assert done.login is not None
            self._rotated(family, done.login)
            self._holds(done.login, family)
        self.now += pause
        done = self.runner.run(self._renew(family.used[-min(back, len(family.used))]))
        if pause <= GRACE and (back == 1 or len(family.used) == 1):
            assert done.outcome == "repeated"
            assert done.login is not None
            assert done.login.refresh_token == family.current
            self._holds(done.login, family)
        else:
            assert (done.outcome, done.login) == ("reused", None)
            family.revoked = True

    @rule(pick=PICK, key=st.sampled_from(["", "other"]))
    def somebody_invents_a_token(self, pick: int, key: str) -> None:
        family = self._some(pick)
        token = refresh.first(family.session_id, key)
        assert self.runner.run(self._renew(token)).outcome == "dead"

    @rule(pick=PICK)
    def log_out(self, pick: int) -> None:
        family = self._some(pick)
        assert self.runner.run(self._end(family)) is not family.revoked
        family.revoked = True

    @rule(pick=PICK)
    def log_out_while_refreshing(self, pick: int) -> None:
        family = self._some(pick)

        async def race() -> list[Any]:
            return await self._together(self._renew(family.current), self._end(family), self._renew(family.current))

        counted = family.counts(self.now)
        first, _, second = self.runner.run(race())
        for done in (first, second):
            if done.login is not None:
                assert counted
                self._holds(done.login, family)
        family.revoked = True

    @rule(user_id=st.integers(1, 2))
    def log_out_everywhere(self, user_id: int) -> None:
        self.runner.run(self._end_all(user_id))
        self._all_revoked(user_id)

    @rule(pick=PICK)
    def log_out_everywhere_while_refreshing(self, pick: int) -> None:
        family = self._some(pick)

        async def race() -> list[Any]:
            return await self._together(
                self._renew(family.current), self._end_all(family.user_id), self._renew(family.current)
            )

        for done in self.runner.run(race()):
            if done is not None and done.login is not None:
                self._holds(done.login, family)
        self._all_revoked(family.user_id)

    @rule(user_id=st.integers(1, 2))
    def log_in_while_logging_out_everywhere(self, user_id: int) -> None:
        async def race() -> list[Any]:
            return await self._together(self._log_in(user_id, ""), self._end_all(user_id), self._log_in(user_id, ""))

        one, _, two = self.runner.run(race())
        self._all_revoked(user_id)
        new = [self._joined(login, user_id, "") for login in (one, two)]
        for family in new:  # before or after the other: either is right, half of it is not
            family.revoked = self.runner.run(self._revoked(family.session_id))

    @rule(seconds=st.sampled_from([1, 29, 31, 60, 600, 901, DAY, 29 * DAY, 31 * DAY, -20]))
    def time_passes(self, seconds: int) -> None:
        self.now = max(START, self.now + seconds)

    def _all_revoked(self, user_id: int) -> None:
        for family in (*self.known, *self.loose):
            if family.user_id == user_id:
                family.revoked = True

    @invariant()
    def exactly_the_valid_tokens_work(self) -> None:
        async def look() -> list[bool]:
            return [await self._works(a.token) for a in self.access]

        wanted = [not a.family.revoked and self.now < a.until for a in self.access]
        for access, works, right in zip(self.access, self.runner.run(look()), wanted, strict=True):
            issued = access.until - 900
            if issued - 5 <= self.now:  # a clock set back by more than that makes it a token of the future
                assert works is right, (access.family, self.now)


@pytest.fixture(params=["sqlite", "mariadb"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives an empty database each time it is called."""
    count = iter(range(10**6))

    def sqlite() -> str:
        file = tmp_path / f"{next(count)}.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        return f"sqlite:///{file}"

    def mariadb() -> str:
        url = str(request.getfixturevalue("mariadb_url"))
        empty(url)
        return url

    return sqlite if request.param == "sqlite" else mariadb


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_no_revoked_token_works_and_no_valid_one_fails(
    databases: Callable[[], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    number, rounds = request.config.getoption("--seed"), request.config.getoption("--rounds") or 3
    machine = type("Played", (Tokens,), {"open_database": staticmethod(databases), "folder": make_home(tmp_path)})
    few = settings(
        max_examples=rounds,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=(Phase.generate,),  # a failure is told at once: shrinking would take minutes of database work
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    play(seed(number)(machine), settings=few)
