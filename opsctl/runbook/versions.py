"""A versioned configuration folder: `versions/NNNN.yml`, and the file `current` that names the one in force.

A version is never changed; a change is a new version and a new `current`, both written whole.
`history/` keeps one record for each change of ours: who, why, from, to.
"""

from __future__ import annotations

import difflib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from opsctl.core.clock import iso
from opsctl.core.document import Source, nearest, parse, read
from opsctl.core.errors import Conflict, NotFound, UsageError
from opsctl.core.folder import write_whole


@dataclass(frozen=True)
class Change:
    """What is recorded of a change: who and why, and what takes it back (`from_version`)."""

    at: float
    by: str
    reason: str
    from_version: str
    to_version: str
    key: str = ""
    old: Any = None
    new: Any = None


class Versions:
    """The folder. Raises NotFound where it, a version or a key does not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def current(self) -> str:
        try:
            return (self._folder / "current").read_text().strip()
        except OSError as error:
            raise NotFound(f"no configuration in {self._folder}: {error.strerror}") from error

    def all(self) -> list[str]:
        """The versions' names, oldest first."""
        return sorted(p.stem for p in (self._folder / "versions").glob("[0-9]*.yml"))

    def before(self, version: str) -> str:
        """The version that this one was made from, by our records, else the newest older one; '' if there is none.

        A version that was once rolled back from is never the answer: it was bad.
        """
        records = self._records()
        bad = {r["from_version"] for r in records if r["rollback"]}
        made_from = [r["from_version"] for r in records if r["to_version"] == version and not r["rollback"]]
        older = [v for v in self.all() if v < version]
        good = [v for v in [*older, *made_from] if v not in bad]
        return str(good[-1]) if good else ""

    def source(self, version: str) -> Source:
        path = self._file(version)
        if not path.exists():
            raise NotFound(f"no version {version} in {self._folder}", f"one of: {', '.join(self.all()[-5:])}")
        return read(path)

    def value(self, version: str, key: str) -> Any:
        """The value at a dotted key; '' is the whole document."""
        value = self.source(version).data
        for step in key.split(".") if key else ():
            if not isinstance(value, dict) or step not in value:
                known = list(value) if isinstance(value, dict) else []
                raise NotFound(f"version {version} has no key {key!r}", nearest(step, [str(k) for k in known]))
            value = value[step]
        return value

    def diff(self, old: str, new: str) -> str:
        """The unified difference of two versions' texts."""
        texts = [self._file(v).read_text().splitlines(keepends=True) for v in (old, new)]
        return "".join(difflib.unified_diff(texts[0], texts[1], f"versions/{old}.yml", f"versions/{new}.yml", n=1))

    def with_value(self, version: str, key: str, value: Any) -> str:
        """The text of a version with one existing scalar changed, all else kept as written, comments too.

        Raises UsageError when the value is of another type than the one there.
        """
        old = self.value(version, key)
        if isinstance(old, dict | list) or type(old) is not type(value):
            raise UsageError(f"{key} is {old!r}; {value!r} is not of its type")
        source = self.source(version)
        node = _node(source.node, key.split("."))
        text = self._file(version).read_text()
        start, end = node.start_mark.index, node.end_mark.index
        made = text[:start] + _scalar(value) + text[end:]
        changed: Any = parse(made, "changed").data
        for step in key.split("."):
            changed = changed[step]
        if changed != value:
            raise UsageError(f"{key} cannot be changed in the text of version {version}")
        return made

    def put(self, text: str, change: Change) -> str:
        """Adds a version and puts it in force. Raises Conflict when `from_version` is no longer in force."""
        with self._alone(change.from_version):
            name = f"{int(max([*self.all(), '0'])) + 1:04d}"
            write_whole(self._file(name), text.encode(), 0o644)
            self._switch(name, change, rollback=False)
        return name

    def switch(self, change: Change) -> None:
        """Puts the existing `to_version` in force. Raises Conflict when `from_version` is no longer in force."""
        self.source(change.to_version)
        with self._alone(change.from_version):
            self._switch(change.to_version, change, rollback=True)

    def _switch(self, name: str, change: Change, rollback: bool) -> None:
        record = {
            "at": iso(change.at), "by": change.by, "reason": change.reason, "from_version": change.from_version,
            "to_version": name, "key": change.key, "old": change.old, "new": change.new,
            "rollback": rollback,
        }  # fmt: skip
        number = len(self._records()) + 1
        write_whole(self._folder / "history" / f"{number:06d}.json", orjson.dumps(record), 0o644)
        write_whole(self._folder / "current", name.encode(), 0o644)

    def _records(self) -> list[dict[str, Any]]:
        return [orjson.loads(p.read_bytes()) for p in sorted((self._folder / "history").glob("*.json"))]

    def _file(self, version: str) -> Path:
        return self._folder / "versions" / f"{version}.yml"

    @contextmanager
    def _alone(self, expected: str) -> Iterator[None]:
        lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.current() != expected:
                raise Conflict(f"version {self.current()} is in force, not {expected}", "look again, then decide anew")
            yield
        finally:
            os.close(lock)


def _node(node: yaml.Node | None, keys: list[str]) -> yaml.Node:
    for wanted in keys:
        assert isinstance(node, yaml.MappingNode)
        node = next(value for key, value in node.value if key.value == wanted)
    assert node is not None
    return node


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10_000)
    return text.removesuffix("...\n").strip()
