"""opsctl metrics import: OpenMetrics files into a store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.metrics_progress import share
from opsctl.cli.metrics_source import StorePath, place_of, stopped_store
from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.cli.query import Url
from opsctl.core.errors import NotFound, UsageError
from opsctl.core.settings import find, load_settings
from opsctl.flows.metrics_import import Folder, Home, Imported, Nowhere, Running, import_file
from opsctl.metrics.remote import RemoteStore
from opsctl.metrics.remote_push import RemotePush
from opsctl.metrics.store import EmbeddedStore
from opsctl.model.duration import parse_duration

_DAY = 86_400.0
_WORDS = (
    ("kept", "写入 written"), ("repeated", "已有 there already"), ("conflicts", "冲突，保留原值 other value, old one stays"),
    ("too_old", "早于保留期 before the retention"), ("ahead", "在未来 in the future"),
    ("refused", "被拒绝 refused by the server"),
)  # fmt: skip


def import_files(
    files: Annotated[list[Path], typer.Argument(help="OpenMetrics text; .gz and .zst too.", metavar="FILE")],
    folder: StorePath = None,
    retention: Annotated[
        str,
        typer.Option(
            "--storage.tsdb.retention.time",
            help="Older samples are counted and left out; opsctl.yml's, or 15d.",
            metavar="DURATION",
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and compare, write nothing.")] = False,
    url: Url = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring samples of OpenMetrics files into a store: each once, however often and after whatever crash.

    With --storage.tsdb.path into a store that is stopped, samples of any age within the retention. Else by remote
    write into what runs, which takes only what it would take from any sender (recent samples, in order).
    Exits 1 when samples were left out, 2 with file and line when a file is wrong.

    Examples: opsctl metrics import old.om.zst --storage.tsdb.path var/metrics
    opsctl metrics import dump.om --dry-run --storage.tsdb.path var/metrics
    """
    for file in files:
        if not file.is_file():
            raise NotFound(f"there is no file {file}")
    now = time.time()
    oldest = int((now - _retention(retention, folder, url, config)) * 1000)
    total = Imported()
    with _home(folder, dry_run, url, role, config) as home:
        for file in files:
            with _reading(file) as on_bytes:
                total += import_file(file, home, oldest, int(now * 1000), on_bytes)
    _show(total, dry_run, as_json)
    if not total.whole:
        raise typer.Exit(1)


@contextmanager
def _reading(file: Path) -> Iterator[Callable[[int], None]]:
    size = max(1, file.stat().st_size)
    with share("import") as tell:
        yield lambda at: tell(min(1.0, at / size), file.name)


@contextmanager
def _home(folder: Path | None, dry_run: bool, url: str, role: str, config: str | None) -> Iterator[Home]:
    if folder is None:
        place = place_of(url, role, config)
        storage = RemoteStore(place.api())
        yield Nowhere(storage) if dry_run else Running(storage, RemotePush(place.url, place.token_file))
    elif dry_run:
        with stopped_store(folder) as store:
            yield Nowhere(store)
    else:
        made = EmbeddedStore(folder)
        try:
            yield Folder(made)
        finally:
            made.close()


def _retention(text: str, folder: Path | None, url: str, config: str | None) -> float:
    """Seconds: the flag's, those of the product whose store it is, Prometheus' 15 days; another server decides itself."""
    if text:
        try:
            return parse_duration(text)
        except ValueError as error:
            raise UsageError(f"--storage.tsdb.retention.time: {error}") from error
    if url:
        return time.time()
    own = _own_days(folder, config)
    return (own or 15) * _DAY


def _own_days(folder: Path | None, config: str | None) -> int:
    """The days that the product keeps, when it is the product's store; 0 when not."""
    try:
        settings = load_settings(str(find(config)))
    except UsageError:
        if folder is None or config:
            raise
        return 0
    ours = folder is None or folder.resolve() == settings.home_path / "metrics"
    return settings.metrics.retention_days if ours else 0


def _show(total: Imported, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({**asdict(total), "dry_run": dry_run})
        return
    title = "试运行：没有写入 / dry run: nothing written" if dry_run else ""
    rows = [(words, f"{getattr(total, name):,}") for name, words in _WORDS if getattr(total, name)]
    table(("样本 samples", f"{total.samples:,}"), rows, title=title)
    if not total.samples:
        console.print("没有样本 / no samples", style="dim")
