"""Numbers as people read them, the API's client, and the door."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dashboards.alerts import read_alerts, read_weeks
from dashboards.api import Api, rows, seconds
from dashboards.business import daily
from dashboards.door import accepts, needs_login
from dashboards.figures import ago, change, count, duration, midnight, percent, point_change, yuan
from dashboards.resilience import proven_lately
from tests.dashboards.recorded import DAY, TOKEN, World, busy, serving


def _zh(zh: str, en: str) -> str:
    return zh


def _en(zh: str, en: str) -> str:
    return en


def test_numbers() -> None:
    assert (count(12345.4), yuan(1_234_567), percent(0.9876)) == ("12,345", "¥12,346", "98.8%")
    assert (count(None), yuan(None), percent(None), duration(None, _zh), ago(None, 0, _zh)) == ("—",) * 5
    assert (count(0), yuan(0), percent(0)) == ("0", "¥0", "0.0%")


@pytest.mark.parametrize(
    ("now", "before", "shown"),
    [(112, 100, "+12%"), (88, 100, "-12%"), (100, 100, "+0%"), (0, 100, "-100%"), (5000, 100, "×50"),
     (5, 0, None), (None, 5, None), (5, None, None)],
)  # fmt: skip
def test_change(now: float | None, before: float | None, shown: str | None) -> None:
    assert change(now, before) == shown


def test_a_ratio_moves_by_points() -> None:
    assert point_change(0.95, 0.984, _zh) == "-3.4 个百分点"
    assert point_change(0.95, None, _en) is None


@pytest.mark.parametrize(
    ("length", "zh", "en"),
    [(4.2, "4.2 秒", "4.2 s"), (59, "59 秒", "59 s"), (90, "1.5 分钟", "1.5 min"), (7200, "2 小时", "2 h"),
     (86_400, "1 天", "1 day"), (200_000, "2.3 天", "2.3 days")],
)  # fmt: skip
def test_durations(length: float, zh: str, en: str) -> None:
    assert (duration(length, _zh), duration(length, _en)) == (zh, en)


def test_days_begin_in_shanghai() -> None:
    assert midnight(1_795_420_000) == 1_795_420_000 - (1_795_420_000 + 28_800) % DAY


def test_instants_in_both_spellings() -> None:
    assert seconds("2026-11-23T08:00:00.000Z") == seconds(1_795_420_800.0) == 1_795_420_800
    assert seconds("0001-01-01T00:00:00Z") is seconds(None) is seconds("nonsense") is None
    assert rows({"weeks": [{"a": 1}, 2]}, "weeks") == [{"a": 1}]
    assert rows("text", "weeks") is None


def test_the_client_reads_with_the_token_and_notes_what_does_not_come(tmp_path: Path) -> None:
    world = busy(time.time())
    (tmp_path / "token").write_text(TOKEN)
    with serving(world) as url:
        api = Api(url, str(tmp_path / "token"))
        assert api.number("max(business_orders_created_day)", world.now) is not None
        assert api.number("max(business_nothing_day)", world.now - 90 * DAY) is None
        assert api.problems == []
        assert len(daily(api, "business_orders_created_day", world.now)) == 61
        assert [alert.severity for alert in read_alerts(api) or []] == ["critical", "warning"]
        weeks = read_weeks(api) or []
        assert [week.opened for week in weeks] == [5, 3, 4, 0, 6, 2, 3, 2]
        assert weeks[3].mtta is None
        stranger = Api(url)
        assert stranger.get("/api/v2/alerts") is None
        assert "401" in stranger.problems[0]
    gone = Api(url)
    assert gone.points("up", 0, 60, 5) is None
    assert len(gone.problems) == 1
    assert Api(url, str(tmp_path / "no-such-token")).get("/api/v2/alerts") is None


def test_proven_lately() -> None:
    now = 1_795_420_000.0
    proven = {"last_proven": now - 3600, "last_drill_ok": True}
    assert proven_lately(proven, now)
    assert not proven_lately({**proven, "last_proven": now - 90_000}, now)
    assert not proven_lately({**proven, "last_drill_ok": False}, now)
    assert not proven_lately({"last_proven": None}, now)


def test_the_door(tmp_path: Path) -> None:
    assert [needs_login(a, "") for a in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.4", None)] == [
        False, False, False, True, True, True,
    ]  # fmt: skip
    password = tmp_path / "password"
    password.write_text("open sesame\n")
    assert needs_login("127.0.0.1", str(password))
    assert accepts("open sesame", str(password), "")
    assert not accepts("open", str(password), "")
    assert not accepts("", str(password), "")
    with serving(World()) as url:
        assert accepts(TOKEN, "", url)
        assert not accepts("guess", "", url)
