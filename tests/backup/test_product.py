"""opsctl backup: on a repository alone, and through the operations API by backup.yml."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest

from opsctl.api.routers.backup import router
from opsctl.core.errors import Conflict, DocumentError, NotFound, OpsctlError, UsageError
from opsctl.flows.backup_calendar import BackupFigures, catch_up, jobs
from opsctl.flows.resilience import Resilience
from opsctl.model.inventory import load_inventory
from opsctl.resilience.background import Background
from opsctl.resilience.policy import due, load_policy
from tests.backup.booking import made_ready
from tests.backup.conftest import Business
from tests.backup.product import ROOT, Product, running
from tests.servers import wait_for

POLICY = """
repository: ${home}/backups
sources:
  - {system: shop, database: shop, schedule: "15 */6 * * *", drill: "45 3 * * *", keep_last: 2}
"""
INVENTORY = """
system: shop
databases:
  - {name: shop, url: "sqlite:///${here}/shop.db", objects: "${here}/objects", checks: "${here}/checks.yml"}
"""
CHECKS = """
checks:
  - {name: 订单 / orders, sql: "SELECT count(*) FROM orders", at_least: 1}
  - {name: newest, newest: "SELECT max(at) FROM orders", within_seconds: 86400}
  - {name: photos, objects: "SELECT photo FROM orders"}
"""


@dataclass
class Room:
    """The flow, its background, its figures."""

    business: Business
    resilience: Resilience
    background: Background
    registry: CollectorRegistry

    def figures(self) -> dict[str, float]:
        lines = [line for line in generate_latest(self.registry).decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def _resilience(folder: Path, clock: object = time.time) -> Resilience:
    policy = load_policy(folder / "backup.yml", folder / "var")
    system = load_inventory(folder / "shop.yml", folder / "var", sys.executable)
    return Resilience(policy, {"shop": system}, folder / "var", clock)  # type: ignore[arg-type]


@pytest.fixture
def room(business: Business) -> Iterator[Room]:
    business.now = time.time()
    business.order(5)
    for name, text in (("backup.yml", POLICY), ("shop.yml", INVENTORY), ("checks.yml", CHECKS)):
        (business.folder / name).write_text(text)
    resilience = _resilience(business.folder)
    background = Background(time.time)
    registry = CollectorRegistry()
    registry.register(BackupFigures(resilience, background))
    yield Room(business, resilience, background, registry)
    background.close()


@pytest.fixture
def product(room: Room) -> Iterator[Product]:
    with running(room.business.folder, [router(room.resilience, room.background)], room.registry) as product:
        yield product


def test_on_files_alone(business: Business, tmp_path: Path) -> None:
    product = Product(tmp_path, 1)
    business.now = time.time()
    business.order(3)
    (tmp_path / "checks.yml").write_text(CHECKS)
    source = ("--source", f"sqlite:{business.database}", "--objects", str(business.objects), "--exclude", "tmp/*")
    code, out, _ = product.opsctl("backup", "run", *source, "--repo", "repo", "--json")
    assert code == 0
    made = json.loads(out)["snapshot"]
    assert product.opsctl("backup", "run", *source, "--repo", "repo", "--keep-last", "1")[0] == 0
    code, out, _ = product.opsctl("backup", "list", "--repo", "repo", "--json")
    listed = json.loads(out)
    assert (code, len(listed)) == (0, 1)
    assert {"id", "kind", "time", "bytes", "parent"} <= set(listed[0])
    assert listed[0]["id"] != made["id"]
    code, out, _ = product.opsctl("backup", "verify", "--repo", "repo", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    code, out, _ = product.opsctl("backup", "drill", "--repo", "repo", "--checks", "checks.yml", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    code, out, err = product.opsctl("backup", "restore", "latest", "--repo", "repo", "--to", "to")
    assert (code, (tmp_path / "to" / "shop.db").exists()) == (0, True)
    assert "restore …" in err  # progress is plain lines in a pipe
    assert product.opsctl("backup", "restore", "latest", "--repo", "repo", "--to", "to")[0] == 2
    assert product.opsctl("backup", "list", "--repo", "nothing")[0] == 2
    assert product.opsctl("backup", "run", "--source", "sqlite:none.db", "--repo", "repo")[0] == 3
    assert product.opsctl("backup", "run", "--source", "mysql:x", "--repo", "repo")[0] == 2


def test_damage_is_exit_1(business: Business, tmp_path: Path) -> None:
    business.back_up()
    chunk = max((p for p in (tmp_path / "repo" / "chunks").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    chunk.write_bytes(chunk.read_bytes()[:-1])
    product = Product(tmp_path, 1)
    code, out, err = product.opsctl("backup", "verify", "--repo", "repo", "--json")
    assert (code, json.loads(out)["ok"]) == (1, False)
    assert "damaged" in err
    assert product.opsctl("backup", "restore", "latest", "--repo", "repo", "--to", "to")[0] == 1
    assert product.opsctl("backup", "drill", "--repo", "repo")[0] == 1
    assert not (tmp_path / "to").exists()


def test_through_the_operations_api(room: Room, product: Product) -> None:
    assert product.opsctl("backup", "status")[0] == 1  # never proven
    code, out, err = product.opsctl("backup", "run")
    assert code == 0, err
    assert "backed up shop as 000001-" in out
    code, out, _ = product.opsctl("backup", "drill", "--source", "shop", "--json")
    assert code == 0
    drilled = json.loads(out)
    assert drilled["ok"]
    code, out, _ = product.opsctl("backup", "list", "--json")
    assert [s["source"] for s in json.loads(out)] == ["shop"]
    assert product.opsctl("backup", "verify")[0] == 0
    assert product.opsctl("backup", "status")[0] == 0
    code, _, err = product.opsctl("backup", "restore", "latest", "--to", "back")
    assert (code, (room.business.folder / "back" / "objects" / "photos" / "1.jpg").exists()) == (0, True), err
    code, _, err = product.opsctl("backup", "run", "--source", "shops")
    assert code == 1
    assert "did you mean 'shop'" in err
    code, _, err = product.opsctl("backup", "run", "--as", "viewer")
    assert code == 1
    assert "viewer" in err
    token = (room.business.folder / "var" / "tokens" / "viewer").read_text().strip()
    report = requests.get(
        f"{product.url}/api/opsctl/v1/backup/drills/{drilled['id']}/report", timeout=5,
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    assert "通过 / proven" in report.text


def test_a_drill_that_fails_is_exit_1(room: Room, product: Product) -> None:
    (room.business.folder / "checks.yml").write_text(CHECKS.replace("at_least: 1}", "at_least: 1000}"))
    product.opsctl("backup", "run")
    code, out, _ = product.opsctl("backup", "drill")
    assert code == 1
    assert "25, wanted ≥ 1000" in out
    assert room.figures()['opsctl_backup_drill_last_ok{source="shop"}'] == 0


def test_figures_survive_a_restart(room: Room) -> None:
    fresh = room.figures()
    assert fresh['opsctl_backup_last_success_timestamp_seconds{source="shop"}'] == 0
    assert fresh['opsctl_backup_drill_last_success_timestamp_seconds{source="shop"}'] == 0
    room.resilience.run("shop")
    room.resilience.drill("shop")
    again = CollectorRegistry()
    again.register(BackupFigures(_resilience(room.business.folder), Background(time.time)))
    found = Room(room.business, room.resilience, room.background, again).figures()
    now = time.time()
    assert found['opsctl_backup_last_success_timestamp_seconds{source="shop"}'] == pytest.approx(now, abs=30)
    assert found['opsctl_backup_drill_last_success_timestamp_seconds{source="shop"}'] == pytest.approx(now, abs=30)
    assert 0 <= found['opsctl_backup_drill_rpo_seconds{source="shop"}'] < 60
    assert 0 < found['opsctl_backup_drill_rto_seconds{source="shop"}'] < 30
    assert found['opsctl_backup_bytes{source="shop"}'] > 50_000
    assert found["opsctl_backup_repository_readable"] == 1


def test_retention_runs_after_each_backup(room: Room) -> None:
    results = [room.resilience.run("shop") for _ in range(4)]
    assert [s.number for s in room.resilience.list()] == [3, 4]
    assert [d.keep for d in results[-1].retention.decisions] == [False, True, True]


def test_what_was_missed_is_caught_up(room: Room) -> None:
    begun = catch_up(room.resilience, room.background, time.time())
    assert [(j.verb, j.source) for j in begun] == [("run", "shop"), ("drill", "shop")]
    wait_for(lambda: all(room.background.get(j.id).state == "done" for j in begun), 20, "the backup and its drill")
    assert room.resilience.missed(time.time()) == ()
    assert {d.verb for d in room.resilience.missed(time.time() + 2 * 86_400)} == {"run", "drill"}
    assert [(j.id, j.cron) for j in jobs(room.resilience, room.background)] == [
        ("backup.run.shop", "15 */6 * * *"), ("backup.drill.shop", "45 3 * * *"),
    ]  # fmt: skip


def test_due() -> None:
    noon = 1_764_046_800.0  # 2025-11-25 13:00 in Shanghai
    assert due("15 */6 * * *", None, noon)
    assert due("15 */6 * * *", noon - 3600, noon)
    assert not due("15 */6 * * *", noon - 1800, noon)
    assert not due("", None, noon)


def test_errors_are_those_of_the_product(room: Room) -> None:
    with pytest.raises(NotFound, match="no drill"):
        room.resilience.report("x")
    with pytest.raises(UsageError):
        room.resilience.drill("shop")
    room.resilience.run("shop")
    repository = _resilience(room.business.folder)._open()
    with repository.writing(), pytest.raises(Conflict, match="in use"):
        room.resilience.run("shop")
    room.business.database.write_bytes(b"x" * 5000)
    with pytest.raises(OpsctlError):
        room.resilience.run("shop")
    job = room.background.submit("run", "shop", lambda tell: room.resilience.run("shop"))
    room.background.close()
    assert room.background.get(job.id).state == "failed"
    assert room.background.outcomes["shop", "run", "failed"] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources:\n  - {system: a, database: b, shedule: x}\n", "backup.yml:2"),
        ("sources:\n  - {system: a, database: b, schedule: hourly}\n", "not a cron line"),
        ("sources:\n  - {system: a, database: b, keep_last: 0}\n", "at least 1"),
        ("sources:\n  - {system: a, database: b}\n  - {system: a, database: b}\n", "stands here twice"),
        ("source: []\n", "did you mean 'sources'"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "backup.yml").write_text(text)
    with pytest.raises(DocumentError, match=said):
        load_policy(tmp_path / "backup.yml", tmp_path)


def test_the_booking_business_is_proven(tmp_path: Path) -> None:
    """The checks that are shipped, on the schema and the seed that are shipped."""
    made_ready(tmp_path / "var")
    local = ROOT / "deploy" / "local"
    system = load_inventory(local / "booking.yml", tmp_path / "var", sys.executable)
    policy = load_policy(local / "backup.yml", tmp_path / "var")
    resilience = Resilience(policy, {"booking": system}, tmp_path / "var")
    resilience.run("platform")
    result = resilience.drill("platform")
    assert result.ok, result.reason
    assert result.rpo_seconds is not None
    assert len(result.checks) >= 12
