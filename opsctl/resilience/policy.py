"""`backup.yml`: which databases of the systems are backed up, when, and for how long."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from string import Template

from apscheduler.triggers.cron import CronTrigger

from opsctl.core.clock import SHANGHAI
from opsctl.core.document import Source, convert, document, nearest, read
from opsctl.core.errors import NotFound


@document
class SourceOf:
    """One database of a system's inventory. `schedule`, `drill`: cron in Asia/Shanghai, '' for never;
    `exclude`: globs inside the object folder; `checks`: a checks file instead of the inventory's."""

    database: str
    system: str
    schedule: str = "15 */6 * * *"
    drill: str = "45 3 * * *"
    keep_last: int = 14
    checks: str = ""
    exclude: tuple[str, ...] = ("tmp/*",)


@document
class BackupPolicy:
    """All of `backup.yml`. `repository` is a folder; `${home}` is the state folder, `${here}` the file's own."""

    repository: str = "${home}/backups"
    sources: tuple[SourceOf, ...] = ()

    def source(self, name: str) -> SourceOf:
        """The source of a database. Raises NotFound with the nearest right name."""
        for each in self.sources:
            if each.database == name:
                return each
        raise NotFound(f"backup.yml names no database {name!r}", nearest(name, [s.database for s in self.sources]))


def load_policy(path: Path, home: Path) -> BackupPolicy:
    """Reads backup.yml. Raises DocumentError with file, line and what is wrong."""
    source = read(path)
    filled = Source(source.file, _fill(source.data, {"home": str(home), "here": str(path.parent)}), source.node)
    policy = convert(filled, BackupPolicy)
    _check(filled, policy)
    return policy


def due(cron: str, last: float | None, now: float) -> bool:
    """Whether a run was due since `last` (epoch seconds; None: it never ran) and did not happen."""
    if not cron:
        return False
    if last is None:
        return True
    begin = datetime.fromtimestamp(last, SHANGHAI)
    following = CronTrigger.from_crontab(cron, timezone=SHANGHAI).get_next_fire_time(None, begin)
    return following is not None and following.timestamp() <= now


def _check(source: Source, policy: BackupPolicy) -> None:
    seen: set[str] = set()
    for index, each in enumerate(policy.sources):
        place = ("sources", index)
        if each.database in seen:
            raise source.refuse((*place, "database"), f"{each.database!r} stands here twice")
        seen.add(each.database)
        if each.keep_last < 1:
            raise source.refuse((*place, "keep_last"), "must be at least 1", "the newest backup is never deleted")
        for field in ("schedule", "drill"):
            _check_cron(source, (*place, field), getattr(each, field))


def _check_cron(source: Source, place: tuple[int | str, ...], text: str) -> None:
    if not text:
        return
    try:
        CronTrigger.from_crontab(text, timezone=SHANGHAI)
    except ValueError as error:
        raise source.refuse(
            place, f"not a cron line: {error}", "minute hour day month weekday, e.g. 15 */6 * * *"
        ) from error


def _fill(data: object, names: dict[str, str]) -> object:
    if isinstance(data, str):
        return Template(data).safe_substitute(names)
    if isinstance(data, dict):
        return {k: _fill(v, names) for k, v in data.items()}
    if isinstance(data, list):
        return [_fill(v, names) for v in data]
    return data
