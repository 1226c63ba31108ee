"""Backup, list, restore: what went in comes out, and only what is whole is listed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backup.errors import BackupError, Busy, NotReachable, WrongUse
from backup.progress import Progress
from backup.repository import open_repository
from backup.restore import restore
from backup.run import back_up
from backup.source import FolderSource, SqliteSource, parse_source
from backup.verify import verify
from tests.backup.conftest import Business


def _rows(path: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as database:
        return database.execute("SELECT * FROM orders ORDER BY id").fetchall()


def test_what_went_in_comes_out(business: Business, tmp_path: Path) -> None:
    made = business.back_up().snapshot
    assert made.tables == {"orders": 20}
    assert made.files == 21
    to = restore(business.repository, made, tmp_path / "to")
    assert _rows(to / "shop.db") == _rows(business.database)
    photos = sorted(p.name for p in (to / "objects" / "photos").iterdir())
    assert photos == sorted(p.name for p in (business.objects / "photos").iterdir())
    for name in photos:
        assert (to / "objects" / "photos" / name).read_bytes() == (business.objects / "photos" / name).read_bytes()
    assert not (to / "objects" / "tmp").exists()


def test_a_second_backup_stores_what_is_new(business: Business) -> None:
    first = business.back_up().snapshot
    business.order(1)
    second = business.back_up().snapshot
    assert second.number == first.number + 1
    assert second.stored < first.stored
    assert [s.id for s in business.repository.catalog.read().snapshots] == [first.id, second.id]


def test_a_clock_that_jumps_back_changes_no_order(business: Business) -> None:
    business.back_up()
    business.now -= 86_400
    second = business.back_up().snapshot
    assert business.repository.catalog.find("latest").id == second.id


def test_one_instant_while_others_write(business: Business, tmp_path: Path) -> None:
    """Every photo that the restored database names is there, and money adds up, however busy the writer was."""
    end = threading.Event()

    def write() -> None:
        while not end.is_set():
            business.order(2)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [business.back_up().snapshot for _ in range(5)]
    finally:
        end.set()
        writer.join()
    for snapshot in made:
        to = restore(business.repository, snapshot, tmp_path / snapshot.id)
        rows = _rows(to / "shop.db")
        assert [r[0] for r in rows] == list(range(1, len(rows) + 1))
        assert all((to / "objects" / str(r[3])).is_file() for r in rows)
    assert len(_rows(tmp_path / made[-1].id / "shop.db")) > 20


def test_only_an_empty_folder_is_restored_into(business: Business, tmp_path: Path) -> None:
    made = business.back_up().snapshot
    full = tmp_path / "full"
    full.mkdir()
    (full / "precious").write_text("x")
    with pytest.raises(WrongUse, match="not empty"):
        restore(business.repository, made, full)
    assert (full / "precious").read_text() == "x"
    (tmp_path / "empty").mkdir()
    assert (restore(business.repository, made, tmp_path / "empty") / "shop.db").exists()


def test_a_folder(business: Business, tmp_path: Path) -> None:
    source = FolderSource("photos", business.objects)
    made = back_up(source, business.repository, business.workspace, business.clock).snapshot
    to = restore(business.repository, made, tmp_path / "to")
    assert (to / "photos" / "1.jpg").read_bytes() == (business.objects / "photos" / "1.jpg").read_bytes()


def test_two_sources_need_a_name(business: Business) -> None:
    business.back_up()
    back_up(FolderSource("photos", business.objects), business.repository, business.workspace, business.clock)
    with pytest.raises(WrongUse, match="several sources"):
        business.repository.catalog.find("latest")
    assert business.repository.catalog.find("latest", "shop").source == "shop"
    with pytest.raises(WrongUse, match="no snapshots fit"):
        business.repository.catalog.find("nothing")


def test_wrong_sources_are_refused_by_name(business: Business, tmp_path: Path) -> None:
    for text in ("mysql:/x", "nonsense", "sqlite:", "dir:/x"):
        with pytest.raises(WrongUse):
            parse_source(text, objects=str(business.objects))
    empty = tmp_path / "empty.db"
    sqlite3.connect(empty).close()
    (tmp_path / "text.db").write_text("not a database" * 100)
    for path, kind in ((empty, WrongUse), (tmp_path / "text.db", BackupError), (tmp_path / "none.db", NotReachable)):
        source = SqliteSource("s", path)
        with pytest.raises(kind):
            back_up(source, business.repository, business.workspace, business.clock)
    assert business.repository.catalog.read().snapshots == ()


def test_a_damaged_database_is_not_backed_up(business: Business) -> None:
    with sqlite3.connect(business.database) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = bytearray(business.database.read_bytes())
    content[4096 * 3 : 4096 * 3 + 200] = b"\xff" * 200
    business.database.write_bytes(content)
    with pytest.raises(BackupError):
        business.back_up()
    assert business.repository.catalog.read().snapshots == ()


def test_a_locked_database_can_be_read(business: Business) -> None:
    """Somebody else holding BEGIN IMMEDIATE, as in the incident, does not stop a backup."""
    with sqlite3.connect(business.database, isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert business.back_up().snapshot.tables == {"orders": 20}
    holder.close()


def test_two_at_once(business: Business) -> None:
    seen: list[str] = []

    def meanwhile(event: Progress) -> None:
        if event.stage == "store" and not seen:
            seen.append(event.stage)
            with pytest.raises(Busy, match="in use by process"):
                business.back_up()

    back_up(business.source, business.repository, business.workspace, business.clock, meanwhile)
    assert seen
    assert len(business.repository.catalog.read().snapshots) == 1


def test_a_lock_of_the_dead_is_no_lock(business: Business) -> None:
    code = (
        "import sys, os, signal; from backup.repository import open_repository\n"
        "with open_repository(sys.argv[1], create=True).writing(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, business.repository.name], check=False)
    business.back_up()


def test_other_folders_are_not_taken_for_a_repository(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    for create in (False, True):
        with pytest.raises(WrongUse):
            open_repository(tmp_path / "home", create=create)
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["letter"]


def test_a_newer_format_is_refused(business: Business) -> None:
    business.back_up()
    (Path(business.repository.name) / "REPOSITORY").write_text("opsctl backup repository, format 2\n")
    with pytest.raises(BackupError, match="format"):
        open_repository(business.folder / "repo")


def test_a_sound_repository_is_verified(business: Business) -> None:
    business.back_up()
    found = verify(business.repository)
    assert found.ok
    assert found.snapshots == 1
    assert found.chunks >= 22
