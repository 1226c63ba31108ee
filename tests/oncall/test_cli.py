"""opsctl oncall, as a person types it, against the running process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from icalendar import Calendar

from tests.alerts.running import Running
from tests.alerts.test_cli import opsctl, settings
from tests.oncall.test_schedule import TEXT

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Path]:
    """Settings of a running process with two people's duties."""
    (tmp_path / "oncall.yml").write_text(TEXT, encoding="utf-8")
    running = await asyncio.to_thread(Running, tmp_path, CONFIG)
    yield settings(tmp_path, running.url.removeprefix("http://"))
    await asyncio.to_thread(running.stop)


async def test_now_and_next(file: Path) -> None:
    code, said = await opsctl(file, "oncall", "now", "--at", "2026-01-12T08:00", "--json")
    (found,) = json.loads(said)
    assert code == 0
    assert found["person"] == {"id": "chen", "name": "陈"}
    assert found["until"] == "2026-01-12T01:00:00.000Z"
    assert found["next"] == {"id": "liu", "name": "刘"}
    code, said = await opsctl(file, "oncall", "next")
    assert (code, len(said.splitlines())) == (0, 6)
    assert (await opsctl(file, "oncall", "now", "--at", "soon"))[0] == 2


async def test_preview_marks_holidays_and_worked_weekends(file: Path) -> None:
    code, said = await opsctl(file, "oncall", "preview", "--from", "2026-10-01", "--days", "14")
    assert code == 0
    assert "10-01 休" in said
    assert "10-10 班" in said
    assert max(len(line) for line in said.splitlines()) <= 80
    code, said = await opsctl(file, "oncall", "preview", "--schedule", "primry")
    assert (code, "no schedule named" in said) == (1, True)


async def test_override_is_kept_and_can_be_ended(file: Path, tmp_path: Path) -> None:
    span = ("--from", "2099-01-05T12:00", "--to", "3h")
    code, said = await opsctl(file, "oncall", "override", "zhao", *span, "--dry-run")
    assert (code, "would relieve" in said) == (0, True)
    code, said = await opsctl(file, "oncall", "override", "zhao", *span, "-r", "换班", "--json")
    made = json.loads(said)
    assert (code, made["person"]["id"], made["reason"]) == (0, "zhao", "换班")
    at = ("oncall", "now", "--at", "2099-01-05T13:00", "--json")
    assert json.loads((await opsctl(file, *at))[1])[0]["person"]["id"] == "zhao"
    code, said = await opsctl(file, "oncall", "override", "--end", made["id"])
    assert (code, "ended" in said) == (0, True)
    assert json.loads((await opsctl(file, *at))[1])[0]["source"] != "override"
    assert (await opsctl(file, "oncall", "override", "--end", made["id"], "--json"))[0] == 1
    assert (await opsctl(file, "oncall", "override", "nobody", *span))[0] == 1
    assert (await opsctl(file, "oncall", "override", "zhao", "--to", "2020-01-01T00:00"))[0] == 2
    assert (await opsctl(file, "oncall", "override", "zhao"))[0] == 2


async def test_calendar_file(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "oncall.ics"
    assert (await opsctl(file, "oncall", "ics", "--days", "30", "-o", str(target)))[0] == 0
    assert Calendar.from_ical(target.read_bytes()).walk("VEVENT")
