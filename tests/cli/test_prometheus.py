"""The flags of opsctl prometheus: what they change, and those that are refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.running import opsctl
from tests.servers import wait_for


def test_flags_with_and_without_an_equals_sign(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {}")
    flags = (
        "--query.max-samples", "50", "--query.lookback-delta=90s", "--rules.alert.resend-delay", "30s",
        "--rules.alert.for-outage-tolerance=2h", "--rules.alert.for-grace-period", "10m", "--log.level=warn",
        "--log.format", "logfmt",
    )  # fmt: skip
    with opsctl(tmp_path / "data", config, *flags) as server:
        found = server.data("status/flags")
        assert {name: found[name] for name in (f"rules.alert.{n}" for n in ("resend-delay", "for-grace-period"))} == {
            "rules.alert.resend-delay": "30s", "rules.alert.for-grace-period": "10m",
        }  # fmt: skip
        assert (found["query.max-samples"], found["query.lookback-delta"]) == ("50", "90s")
        answer = server.get("/api/v1/query_range", query="vector(1)", start=0, end=1000, step=1)
        assert answer.status_code == 422
        assert "too many samples" in answer.text
        ready = "Server is ready to receive web requests."
        wait_for(lambda: ready in server.log.read_text(), 10, "the ready line")
    assert '"log.level":"info"' not in server.log.read_text()


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--web.enable-admin-api", "--web.enable-admin-api is a Prometheus flag that opsctl does not have"),
        ("--storage.tsdb.retention.size=much", "--storage.tsdb.retention.size: not a valid size: 'much'"),
        ("--query.lookback-delta=0s", "--query.lookback-delta: must be more than 0"),
        ("--rules.alert.resend-delay=x", "--rules.alert.resend-delay: "),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, flag: str, said: str) -> None:
    command = [sys.executable, "-m", "opsctl", "prometheus", f"--config.file={tmp_path}/x.yml", flag]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert said in done.stderr
