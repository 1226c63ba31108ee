"""A whole flow through the real processes' log format: no phone, address, code or token in any line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_app.kit import log as logs
from tests.platform_app.sandbox.serving import serving
from tests.platform_app.users.support import call, renew
from tests.platform_app.users.test_addresses import HOME
from tests.platform_app.users.test_login import received
from tests.platform_app.world import Platform

PHONE, NEW = "13900000077", "13700000055"


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """The lines of this process, written as a service writes them."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure("users", str(tmp_path / "logs"), "DEBUG")
    yield tmp_path / "logs" / "users.json.log"
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


async def test_no_personal_data_in_the_log_of_a_whole_flow(platform: Platform, log_file: Path) -> None:
    secrets = [PHONE, NEW, HOME["street"], HOME["detail"]]
    async with serving(platform.folder.config):
        await platform.start("users", "edge")

        async def ask(path: str, phone: str, token: str | None = None) -> str:
            body = {"json": {"phone": phone}} if "deletion" not in path else {}
            assert (await call(platform, "POST", path, token, at="edge", **body)).status == 202
            secrets.append(await received(platform, phone))
            return secrets[-1]

        digits = await ask("/auth/code", PHONE)
        await call(platform, "POST", "/auth/code", at="edge", json={"phone": PHONE})
        await call(platform, "POST", "/auth/login", at="edge", json={"phone": PHONE, "code": "999999"})
        login = (await call(platform, "POST", "/auth/login", at="edge", json={"phone": PHONE, "code": digits})).body
        new = (await renew(platform, login["refresh_token"])).body
        token = new["access_token"]
        secrets += [login["access_token"], token, login["refresh_token"], new["refresh_token"]]
        await call(platform, "POST", "/me/addresses", token, at="edge", json={**HOME, "phone": PHONE})
        await call(platform, "POST", "/me/addresses", token, at="edge", json={**HOME, "lat": PHONE})
        await call(platform, "GET", f"/nowhere/{PHONE}", token, at="edge", headers={"X-Request-Id": f"tel-{PHONE}"})
        digits = await ask("/me/phone-code", NEW, token)
        moved = await call(platform, "PUT", "/me/phone", token, at="edge", json={"phone": NEW, "code": digits})
        assert moved.status == 200
        await call(platform, "POST", "/auth/logout-everywhere", token, at="edge")
    text = log_file.read_text()
    assert len(text.splitlines()) > 10
    for value in secrets:
        form = rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])" if len(value) == 6 else re.escape(value)
        lines = [line for line in text.splitlines() if re.search(form, line)]
        assert lines == [], value
    assert "phone.changed" in text
    assert "137****0055" in text
