"""The flags of opsctl prometheus: read as kingpin reads them, what they change, what is refused by name, exit codes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from opsctl.cli.kingpin import BadFlags, duration, number, parse_flags, size
from opsctl.cli.prometheus_flags import ALL, LACKING, TAKEN
from tests.api.running import opsctl, prometheus
from tests.servers import need, wait_for


def run(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "opsctl", "prometheus", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "prometheus.yml"
    file.write_text("global: {}")
    return file


def test_flags_with_and_without_an_equals_sign(tmp_path: Path, config: Path) -> None:
    flags = (
        "--query.max-samples", "50", "--query.lookback-delta=90s", "--rules.alert.resend-delay", "30s",
        "--rules.alert.for-outage-tolerance=2h", "--log.level=warn", "--log.format", "logfmt", "--storage.tsdb.wal-compression",
        "--no-auto-gomemlimit", "--enable-feature=nope,promql-at-modifier", "--enable-feature=", "--query.max-concurrency=2.9",
    )  # fmt: skip
    with opsctl(tmp_path / "data", config, *flags) as server:
        found = server.data("status/flags")
        assert {name: found[name] for name in (f"rules.alert.{n}" for n in ("resend-delay", "for-grace-period"))} == {
            "rules.alert.resend-delay": "30s", "rules.alert.for-grace-period": "10m",
        }  # fmt: skip
        assert (found["query.max-samples"], found["query.lookback-delta"]) == ("50", "1m30s")
        assert (found["auto-gomemlimit"], found["web.route-prefix"], found["storage.tsdb.retention.time"]) == (
            "false",
            "/",
            "15d",
        )
        answer = server.get("/api/v1/query_range", query="vector(1)", start=0, end=1000, step=1)
        assert answer.status_code == 422
        assert "too many samples" in answer.text
        ready = "Server is ready to receive web requests."
        wait_for(lambda: ready in server.log.read_text(), 10, "the ready line")
        assert 'msg="Unknown option for --enable-feature" option=nope' in server.log.read_text()
    assert '"log.level":"info"' not in server.log.read_text()


def test_every_flag_of_prometheus_is_shown(tmp_path: Path, config: Path) -> None:
    with opsctl(tmp_path / "ours", config) as ours, prometheus(tmp_path / "theirs", config) as theirs:
        mine, its = (server.data("status/flags") for server in (ours, theirs))
    gone_since = {"storage.tsdb.use-lockfile", "storage.agent.use-lockfile"}
    assert set(its) - set(mine) <= gone_since
    assert {n: mine[n] for n in mine if n.startswith(("rules.", "query.lookback", "query.timeout", "web.cors", "web.page"))} == {
        n: its.get(n, mine[n]) for n in mine if n.startswith(("rules.", "query.lookback", "query.timeout", "web.cors", "web.page"))
    }  # fmt: skip


@pytest.mark.parametrize(
    "flags",
    [
        ["--foo"], ["--foo=1"], ["-x"], ["word"], ["--web.max-connections=x"], ["--web.max-connections"], ["--query.timeout=x"],
        ["--query.timeout=1"], ["--query.timeout="], ["--web.enable-lifecycle=true"], ["--no-foo"], ["--rules.alert.resend-delay=-1s"],
        ["--query.max-samples=1", "--query.max-samples=2"], ["--web.enable-lifecycle", "--web.enable-lifecycle"],
        ["--storage.agent.path=x"], ["--storage.tsdb.retention.size=5"], ["--storage.tsdb.retention.size=5ZB"], ["--log.level=x"],
        ["--log.format=x"],
    ],
)  # fmt: skip
def test_wrong_flags_end_as_with_prometheus(tmp_path: Path, flags: list[str]) -> None:
    ours = run(tmp_path, *flags)
    theirs = subprocess.run(
        [need("prometheus"), *flags], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
    )
    assert ours.returncode == theirs.returncode
    said = theirs.stderr.splitlines()[0].replace("commandline", "command line").replace('"x"', "x")
    assert ours.stderr.splitlines()[0].replace('"x"', "x") == said


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--web.enable-admin-api", "--web.enable-admin-api is a Prometheus flag that opsctl does not have"),
        ("--web.config.file=x.yml", "x.yml: cannot be read"),
        ("--web.enable-otlp-receiver", "--web.enable-otlp-receiver is a Prometheus flag"), ("--agent", "--agent is a Prometheus flag"),
        ("--query.lookback-delta=0s", "--query.lookback-delta: must be more than 0"),
        ("--query.max-concurrency=0", "--query.max-concurrency: must be at least 1"),
        ("--enable-feature=promql-experimental-functions", "--enable-feature=promql-experimental-functions is a Prometheus feature"),
        ("--web.external-url=ftp://x", 'parse external URL "ftp://x"'), ("--web.external-url=http://[", 'parse external URL "http://["'),
        ("--web.cors.origin=(", 'could not compile CORS regex string "("'), ("--web.listen-address=x", "parse external URL"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(tmp_path: Path, config: Path, flag: str, said: str) -> None:
    done = run(tmp_path, f"--config.file={config}", flag)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_bad_configuration_ends_it(tmp_path: Path, config: Path) -> None:
    missing = run(tmp_path, f"--config.file={tmp_path}/nope.yml")
    assert (missing.returncode, f"Error loading config (--config.file={tmp_path}/nope.yml)" in missing.stderr) == (
        2,
        True,
    )
    config.write_text("scrape_confgs: []\n")
    wrong = run(tmp_path, f"--config.file={config}")
    assert (wrong.returncode, "scrape_confgs" in wrong.stderr) == (2, True)


def test_help_and_version(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help")
    assert shown.returncode == 0
    for name in (
        "config.file",
        "web.route-prefix",
        "query.timeout",
        *(one.flag.name for one in LACKING),
        *(f.name for f in TAKEN),
    ):
        assert f"--{name}" in shown.stdout
    version = run(tmp_path, "--version")
    assert (version.returncode, version.stdout.startswith("prometheus, version 3.")) == (0, True)


def test_signals(tmp_path: Path, config: Path) -> None:
    with opsctl(tmp_path / "data", config) as server:
        config.write_text("global: {scrape_interval: 7s}")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "scrape_interval: 7s" in server.data("status/config")["yaml"], 10, "the reload")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0


def test_the_port_of_another_is_told(tmp_path: Path, config: Path) -> None:
    with opsctl(tmp_path / "data", config) as server:
        place = server.url.removeprefix("http://")
        done = run(
            tmp_path,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path}/other",
            f"--web.listen-address={place}",
        )
        assert (done.returncode, "is taken by another process" in done.stderr) == (3, True)
        assert requests.get(f"{server.url}/-/ready", timeout=5).ok


def test_values_are_shown_as_prometheus_shows_them() -> None:
    assert (duration("90s"), duration("24h"), duration("0")) == ("1m30s", "1d", "0s")
    assert (number("5e7"), number("20"), number("0.9")) == ("50000000", "20", "0.9")
    assert size("512MB") == "512MB"


@given(
    st.lists(
        st.one_of(
            st.text(max_size=12),
            st.sampled_from([f"--{name}" for name in ALL]),
            st.sampled_from(["1", "5m", "=", "--"]),
        )
    )
)
def test_any_words_are_read_or_refused(arguments: list[str]) -> None:
    with contextlib.suppress(BadFlags):
        assert set(parse_flags(arguments, ALL)) <= set(ALL)
