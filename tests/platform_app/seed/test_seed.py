"""The seed: the same each time, quick, consistent, and with a rhythm; set-up may run again; tasks give space back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import func, select, text

from platform_app.kit.config import ConfigFolder
from platform_app.kit.db import sync_engine
from platform_app.kit.times import day_of, midnight
from platform_app.orders import hours
from platform_app.orders.calendar import USUAL_CALENDAR
from platform_app.orders.tables import order, slot
from platform_app.seed import offers
from platform_app.seed.history import DAYS, History, history
from platform_app.seed.people import DAY, People, people
from platform_app.seed.write import SEED, seed
from platform_app.setup import prepare
from tests.platform_app.sandbox.homes import TEMPLATE

NOW = 1_795_420_000  # 2026-11-23, 15:46 in Shanghai


def story() -> tuple[People, History]:
    random, first_day = Random(SEED), midnight(day_of(NOW)) - DAYS * DAY
    who = people(random, first_day)
    return who, history(random, who, first_day, NOW)


def test_the_same_story_each_time() -> None:
    assert story() == story()


def test_the_story_is_plausible() -> None:
    who, what = story()
    roles = Counter(u["role"] for u in who.users)
    assert roles == {"customer": 2000, "provider": 200, "operator": 1}
    assert len({u["phone"] for u in who.users}) == 2201
    days = Counter(day_of(o["created_at"]) for o in what.orders)
    whole = [days[day] for day in sorted(days)[:-1]]
    assert len(whole) == 60
    assert all(130 <= n <= 260 for n in whole)
    assert 150 <= sum(whole) / 60 <= 230
    hours = Counter((o["created_at"] + 8 * 3600) % DAY // 3600 for o in what.orders)
    assert hours[10] > 8 * hours[3]
    weekend = [n for day, n in days.items() if (midnight(day) // DAY + 4) % 7 >= 5]
    assert sum(weekend) / len(weekend) > 1.1 * sum(whole) / 60
    assert max(o["created_at"] for o in what.orders) <= NOW
    statuses = Counter(o["status"] for o in what.orders)
    assert statuses["completed"] > 0.75 * len(what.orders)
    assert all(statuses[s] > 100 for s in ("expired", "cancelled", "refunded", "accepted"))


def test_no_provider_is_at_two_places_at_once() -> None:
    _, what = story()
    done: dict[int, list[tuple[int, int]]] = {}
    for o in what.orders:
        if o["status"] in ("paid", "accepted", "completed"):
            done.setdefault(o["provider_id"], []).append((o["starts_at"], o["ends_at"]))
    for visits in done.values():
        visits.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(visits))


def test_stamps_follow_each_other_and_money_adds_up() -> None:
    _, what = story()
    paid = {p["order_id"]: p for p in what.payments if p["status"] in ("succeeded", "refunded")}
    for o in what.orders:
        stamps = [o[s] for s in ("created_at", "paid_at", "accepted_at", "completed_at") if o[s] is not None]
        assert stamps == sorted(stamps), o
        assert max(stamps) <= NOW
        assert (o["paid_at"] is not None) == (o["id"] in paid)
        if o["paid_at"] is not None:
            assert paid[o["id"]]["amount_fen"] == o["amount_fen"]
            assert paid[o["id"]]["out_trade_no"] == o["paid_trade_no"]


def test_written_quickly_and_once(database_url: str) -> None:
    lines: list[str] = []
    started = time.monotonic()
    assert seed(database_url, NOW, lines.append)
    assert time.monotonic() - started < 12, "8 s on a quiet machine"
    assert len(lines) == 13
    assert not seed(database_url, NOW + 999, lines.append)
    engine = sync_engine(database_url)
    with engine.connect() as c:
        orders = c.execute(select(func.count()).select_from(order)).scalar_one()
        assert 9_000 < orders < 14_000
        held = select(func.count()).select_from(slot).join(order, order.c.id == slot.c.order_id)
        assert c.execute(held).scalar_one() == c.execute(select(func.count()).select_from(slot)).scalar_one() > 0
        sums = "SELECT SUM(amount_fen) FROM payments_payment WHERE status = 'succeeded'"
        status = order.c.status.in_(("paid", "accepted", "completed"))
        wanted = c.execute(select(func.sum(order.c.amount_fen)).where(status)).scalar_one()
        assert c.execute(text(sums)).scalar_one() == wanted
        assert c.execute(text("SELECT COUNT(DISTINCT day) FROM users_activity")).scalar_one() == 61
    engine.dispose()


def test_setup_twice_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "booking" / "config"
    first = prepare(folder, TEMPLATE, tmp_path)
    secrets = {f.name: f.read_text() for f in (tmp_path / "booking" / "secrets").iterdir()}
    assert {"jwt_secret", "internal_token", "dingtalk_secret", "wecom_key", "wechat_apiv3_key"} <= set(secrets)
    assert all((f.stat().st_mode & 0o777) == 0o600 for f in (tmp_path / "booking" / "secrets").iterdir())
    assert prepare(folder, TEMPLATE, tmp_path) == first
    assert {f.name: f.read_text() for f in (tmp_path / "booking" / "secrets").iterdir()} == secrets
    assert (folder / "current").read_text() == "0001\n"


def test_a_wrong_first_version_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(TEMPLATE.read_text().replace("hold_minutes", "hold_minuts"))
    command = [sys.executable, "-m", "platform_app.setup", "--config-folder", str(tmp_path / "c")]
    done = subprocess.run([*command, "--from", str(bad), "--home", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "orders.hold_minuts" in done.stderr
    assert not (tmp_path / "c" / "current").exists()


def test_purge_expired_gives_back_what_is_over(folder: ConfigFolder) -> None:
    tmp = Path(folder.config.storage.folder) / "tmp" / "parts"
    tmp.mkdir(parents=True)
    old, new, photo = tmp / "old", tmp / "new", tmp.parent.parent / "photo.jpg"
    for file in (old, new, photo):
        file.write_bytes(b"0" * 1000)
    (tmp / "link").symlink_to(photo)
    day_ago = time.time() - 25 * 3600
    for file in (old, photo):
        os.utime(file, (day_ago, day_ago))
    engine = sync_engine(folder.config.database_url)
    with engine.begin() as c:
        c.execute(slot.insert(), [{"provider_id": 1, "slot_at": at, "order_id": 1} for at in (1800, int(time.time()))])
    engine.dispose()
    for flags, wanted, left in ((["--dry-run"], 1, True), ([], 1, False), ([], 0, False)):
        found = _task(folder, "purge-expired", *flags)
        assert (found["files"], found["bytes"], found["rows"]["orders_slot"]) == (wanted, wanted * 1000, wanted)
        assert old.exists() is left
    assert new.exists()
    assert photo.exists()


def _task(folder: ConfigFolder, *words: str) -> dict[str, Any]:
    environment = {**os.environ, "PLATFORM_CONFIG": str(folder.path)}
    command = [sys.executable, "-m", "platform_app.tasks", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


def test_what_is_offered_costs_what_the_list_says() -> None:
    who, _ = story()
    prices = {row["offering_id"]: row["base_fen"] for row in offers.items(who.offerings, who.services)}
    assert prices == {o["id"]: o["price_fen"] for o in who.offerings}
    rows = list(offers.calendars(who.providers))
    assert len(rows) == 200
    assert all(hours.read(row["document"]) == USUAL_CALENDAR for row in rows if row["version"] == 0)
