"""opsctl metrics export and import through the real command, against real servers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from opsctl.metrics.fill import fill
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.labels import Labels
from opsctl.model.series import STALE, Series
from tests.api.running import Target, opsctl, prometheus
from tests.metrics.support import everything, series
from tests.servers import need, wait_for

DAY = 86_400_000
NOW = int(time.time()) * 1000 // 15_000 * 15_000


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "opsctl", "metrics", *map(str, arguments)]


def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def moved(*arguments: str | Path, code: int = 0) -> dict[str, int]:
    """The counts of an import."""
    said: dict[str, int] = json.loads(run("import", *arguments, "--json", code=code).stdout)
    return {name: count for name, count in said.items() if count and name not in ("samples", "series")}


def store_at(folder: Path) -> Path:
    """Two days of odd series and of a target's counters, not on whole seconds."""
    times = np.arange(NOW - 2 * DAY, NOW - 3_600_000, 60_000) + 29
    odd = np.array([0.1, -0.0, np.inf, -np.inf, np.nan, 1e300, 5e-324, 2**53, STALE])
    every = [
        Series(Labels({"__name__": "odd", "text": 'a "b"\\\n}# {,', "u": "日本"}), times[: len(odd)], odd),
        *(Series(series("jobs_total", i=str(i)), times, np.cumsum(np.full(len(times), 0.1)) + i) for i in range(5)),
        *(Series(series("took_bucket", le=le), times, np.arange(len(times)) * 1.0) for le in ("1", "+Inf")),
    ]
    store = EmbeddedStore(folder)
    fill(store, every)
    store.close()
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_out_in_and_out_again_is_the_same_to_the_byte(tmp_path: Path, suffix: str) -> None:
    first, again = tmp_path / f"a.om{suffix}", tmp_path / f"b.om{suffix}"
    source = store_at(tmp_path / "a")
    said = json.loads(run("export", "--storage.tsdb.path", source, "-o", first, "--json").stdout)
    assert (said["families"], said["series"], said["stale"]) == (3, 8, 1)
    there = ("--storage.tsdb.path", tmp_path / "b")
    assert moved(first, *there) == {"kept": said["samples"]}
    assert moved(first, *there) == {"repeated": said["samples"]}
    run("export", *there, "-o", again)
    assert first.read_bytes() == again.read_bytes()


def test_promtool_takes_it_and_reads_the_same_samples(tmp_path: Path) -> None:
    promtool, source = need("promtool"), store_at(tmp_path / "a")
    run("export", "--storage.tsdb.path", source, "-o", tmp_path / "a.om")
    made = [promtool, "tsdb", "create-blocks-from", "openmetrics", tmp_path / "a.om", tmp_path / "blocks"]
    done = subprocess.run(made, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "blocks" / "wal").mkdir()  # `tsdb dump` wants one
    dump = subprocess.run([promtool, "tsdb", "dump", tmp_path / "blocks"], capture_output=True, text=True, timeout=60)
    theirs = {tuple(line.rsplit(" ", 2)) for line in dump.stdout.splitlines()}
    store = EmbeddedStore(source)
    held = everything(store)
    store.close()
    odd = {at: value for name, rows in held.items() if name.startswith("odd") for at, value in rows}
    counters = {(f"{i}", str(at), value) for i in range(5) for at, value in held[f'jobs_total{{i="{i}"}}']}
    assert len(theirs) == sum(map(len, held.values())) - 1  # the staleness marker
    pattern = re.compile(r'\{__name__="jobs_total", i="(\d)"\}')
    found = [(pattern.fullmatch(key), float(value), at) for key, value, at in theirs]
    assert {(match[1], at, value) for match, value, at in found if match} == counters
    seen = {int(at): float(value) for key, value, at in theirs if '"odd"' in key}
    np.testing.assert_array_equal([seen[at] for at in sorted(seen)], list(odd.values())[:-1])


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    source = ("--storage.tsdb.path", store_at(tmp_path / "a"))
    start, end = (NOW - DAY) / 1000, (NOW - DAY + 120_000) / 1000
    text = run("export", *source, "--match", 'jobs_total{i=~"1|2"}', "--match", 'jobs_total{i="2"}',
               "--start", str(start), "--end", str(end)).stdout  # fmt: skip
    lines = text.splitlines()
    assert lines[-1] == "# EOF"
    assert [line.split("{")[1][:5] for line in lines[:-1]] == ['i="1"'] * 2 + ['i="2"'] * 2
    assert run("export", *source, "--match", "nobody", code=1).stdout == "# EOF\n"
    said = run("export", *source, "--match", "sum(up)", code=2).stderr
    assert "is not a series selector" in said
    assert "parse error" in run("export", *source, "--match", "up{", code=2).stderr
    assert "--start is after --end" in run("export", *source, "--start", "2", "--end", "1", code=2).stderr
    assert "--start: " in run("export", *source, "--start", "yesterday", code=2).stderr
    assert "--json needs -o" in run("export", *source, "--json", code=2).stderr
    assert "is not the folder of a store" in run("export", "--storage.tsdb.path", tmp_path, code=1).stderr
    assert "cannot be written" in run("export", *source, "-o", tmp_path / "no" / "a.om", code=1).stderr


def test_killed_in_the_middle_and_begun_again_leaves_every_sample_once(tmp_path: Path) -> None:
    file, folder = tmp_path / "many.om", tmp_path / "store"
    count, at = 170_000, (NOW - DAY) // 1000
    file.write_text("".join(f'a{{i="{i}"}} {i} {at}\n' for i in range(count)) + "# EOF\n")
    for blocks in (1, 2):
        process = subprocess.Popen(command("import", file, "--storage.tsdb.path", folder), stdout=subprocess.DEVNULL)
        wait_for(lambda n=blocks: len(list(folder.glob("blocks/*.block"))) >= n, 60, "a block")  # type: ignore[misc]
        process.kill()
        assert process.wait(10) == -9
    said = moved(file, "--storage.tsdb.path", folder)
    assert said["repeated"] >= 100_000
    assert said["repeated"] + said["kept"] == count
    store = EmbeddedStore(folder)
    held = everything(store)
    store.close()
    assert held == {f'a{{i="{i}"}}': [(at * 1000, float(i))] for i in range(count)}


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    file, there = tmp_path / "a.om", ("--storage.tsdb.path", tmp_path / "store")
    now = NOW // 1000
    file.write_text(
        f"a 1 {now - 40 * 86_400}\na 2 {now - 10}\na 3 {now + 86_400}\nb 1 {now - 10}\nb 2 {now - 10}\n# EOF\n"
    )
    counts = {"kept": 2, "too_old": 1, "ahead": 1, "conflicts": 1}
    assert moved(file, *there, code=1) == counts
    dry = moved(file, *there, "--dry-run", "--storage.tsdb.retention.time", "60d", code=1)
    assert dry == {"dry_run": True, "kept": 1, "repeated": 2, "ahead": 1, "conflicts": 1}
    assert moved(file, *there, "--storage.tsdb.retention.time=60d", code=1)["kept"] == 1
    said = run("import", file, *there, code=1).stdout
    assert "早于保留期 before the retention" in said
    assert "冲突" in said


def test_a_wrong_file_is_named_with_its_line(tmp_path: Path) -> None:
    file, there = tmp_path / "a.om", ("--storage.tsdb.path", tmp_path / "store")
    file.write_text(f"a 1 {NOW // 1000}\na 2\n# EOF\n")
    said = run("import", file, *there, code=2).stderr
    assert f"{file}:2: a sample without a time" in said
    file.write_text("a" * (1 << 21))
    assert f"{file}:1: the line is longer than 1048576 bytes" in run("import", file, *there, code=2).stderr
    assert "there is no file" in run("import", tmp_path / "none.om", *there, code=1).stderr
    assert "--storage.tsdb.retention.time" in run(
        "import", file, *there, "--storage.tsdb.retention.time", "x", code=2
    ).stderr  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A target with metadata, scraped every second."""
    target = Target()
    target.text = "# HELP hits_total Page\\nhits.\n# TYPE hits_total counter\nhits_total 5\n"
    file = tmp_path / "prometheus.yml"
    file.write_text(
        "scrape_configs:\n- {job_name: a, scrape_interval: 1s, scrape_timeout: 1s, "
        f"static_configs: [{{targets: ['{target.address}']}}]}}\n"
    )
    yield file
    target.close()


def test_from_and_into_what_runs(tmp_path: Path, config: Path) -> None:
    with opsctl(tmp_path / "data", config, "--web.enable-remote-write-receiver") as server:
        url = ("--url", server.url)
        wait_for(lambda: server.value("count_over_time(hits_total[1m])") not in (None, 1.0), 20, "two samples")
        out = tmp_path / "a.om"
        run("export", *url, "--match", '{__name__=~"hits.*"}', "-o", out)
        text = out.read_text()
        assert text.startswith("# TYPE hits counter\n# HELP hits Page\\nhits.\nhits_total{")
        held = run("import", out, "--storage.tsdb.path", tmp_path / "data", code=1)
        assert "is in use by another process" in held.stderr
        assert "hint: " in held.stderr
        assert set(moved(out, *url)) == {"repeated"}
        now = int(time.time())
        out.write_text(
            f'late 1 {now - 40_000}\nlate 2 {now - 20}\nnew{{i="2"}} 2 {now - 30}\nnew{{i="1"}} 1 {now - 30}\n# EOF\n'
        )
        assert moved(out, *url, "--dry-run") == {"kept": 4, "dry_run": True}
        first = moved(out, *url, code=1)
        assert first == {"kept": 3, "refused": 1}
        assert moved(out, *url, code=1) == {"repeated": 3, "refused": 1}
        assert server.value("sum(new)") == 3.0
    with opsctl(tmp_path / "data", config) as server:
        said = run("import", out, "--url", server.url, code=1).stderr
        assert "--web.enable-remote-write-receiver" in said


def test_out_of_a_real_prometheus_into_a_folder(tmp_path: Path, config: Path) -> None:
    with prometheus(tmp_path / "theirs", config) as server:
        wait_for(lambda: server.value("count_over_time(hits_total[1m])") not in (None, 1.0), 20, "two samples")
        run("export", "--url", server.url, "-o", tmp_path / "p.om.gz")
        data = server.data("query", query="hits_total[1h]")["result"][0]["values"]
    said = moved(tmp_path / "p.om.gz", "--storage.tsdb.path", tmp_path / "ours")
    assert set(said) == {"kept"}
    store = EmbeddedStore(tmp_path / "ours")
    held = everything(store)
    store.close()
    (rows,) = [rows for name, rows in held.items() if name.startswith("hits_total")]
    assert rows[:2] == [(round(at * 1000), float(value)) for at, value in data][:2]
    assert "up" in {name.split("{")[0] for name in held}


def test_nobody_answers(tmp_path: Path) -> None:
    run("export", "--url", "http://127.0.0.1:9", code=3)
    file = tmp_path / "a.om"
    file.write_text("# EOF\n")
    environment = {**os.environ, "OPSCTL_HOME": str(tmp_path)}
    done = subprocess.run(command("export"), capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert (done.returncode, "no token" in done.stderr) == (3, True)
