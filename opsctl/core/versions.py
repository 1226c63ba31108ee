"""A versioned configuration folder: `versions/NNNN.yml`, and the file `current` that names one.

A version is never changed once written; going back is naming an older one. Both survive kill -9.
`history/` keeps one record for each change of ours: from, to, and whatever the caller says of it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from opsctl.core.errors import Conflict, NotFound
from opsctl.core.folder import write_whole


@dataclass(frozen=True)
class ConfigVersions:
    """The versions of one configuration; the system that reads it takes `current` by itself."""

    folder: Path

    @property
    def current(self) -> str:
        try:
            return (self.folder / "current").read_text().strip()
        except FileNotFoundError as error:
            raise NotFound(f"{self.folder} holds no file `current`", "opsctl setup makes it") from error

    def versions(self) -> list[str]:
        """All versions' names, oldest first."""
        return sorted(p.stem for p in (self.folder / "versions").glob("*.yml"))

    def text(self, version: str) -> str:
        path = self.folder / "versions" / f"{version}.yml"
        if not path.is_file():
            raise NotFound(f"no version {version} in {self.folder}", f"there are: {', '.join(self.versions())}")
        return path.read_text(encoding="utf-8")

    def values(self, version: str) -> dict[str, Any]:
        found = yaml.safe_load(self.text(version))
        return found if isinstance(found, dict) else {}

    def get(self, key: str, version: str | None = None) -> Any:
        """The value at a dotted key. Raises NotFound."""
        found: Any = self.values(version or self.current)
        for part in key.split("."):
            if not isinstance(found, dict) or part not in found:
                raise NotFound(f"no key {key!r} in version {version or self.current} of {self.folder}")
            found = found[part]
        return found

    def changed(self, key: str, value: Any) -> dict[str, Any]:
        """The current values with the dotted `key` set. The key must exist, so that a typing error does not pass."""
        self.get(key)
        values = copy.deepcopy(self.values(self.current))
        *parents, last = key.split(".")
        part = values
        for name in parents:
            part = part[name]
        part[last] = value
        return values

    def write(self, values: dict[str, Any]) -> str:
        """Writes a new version and makes it current; returns its name."""
        return self.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False))

    def write_text(self, text: str, why: Mapping[str, Any] | None = None) -> str:
        """Writes a new version as given and makes it current; `why` goes into its record. Returns its name."""
        name = f"{max((int(v) for v in self.versions() if v.isdigit()), default=0) + 1:04d}"
        write_whole(self.folder / "versions" / f"{name}.yml", text.encode())
        self._switch(name, {"made": True, **(why or {})})
        return name

    def use(self, version: str, why: Mapping[str, Any] | None = None) -> None:
        """Makes an existing version current."""
        self.text(version)
        self._switch(version, {"made": False, **(why or {})})

    def before(self, version: str) -> str:
        """The version that `version` was made from, by our records, else the newest older one. Raises Conflict at the first.

        One that was once left again for another is never the answer: it was bad.
        """
        records = self.history()
        left = {r["from"] for r in records if not r["made"]}
        made_from = [r["from"] for r in records if r["made"] and r["to"] == version]
        older = [v for v in self.versions() if v < version]
        good = [v for v in [*older, *made_from] if v not in left] or older
        if not good:
            raise Conflict(f"version {version} of {self.folder} is the first: nothing to go back to")
        return str(good[-1])

    def history(self) -> list[dict[str, Any]]:
        """Our own changes, oldest first: `from`, `to`, `made` (a new version, not an old one taken again) and more."""
        return [orjson.loads(p.read_bytes()) for p in sorted((self.folder / "history").glob("*.json"))]

    def _switch(self, version: str, record: dict[str, Any]) -> None:
        number = len(self.history()) + 1
        record = {"from": self.current, "to": version, **record}
        write_whole(self.folder / "history" / f"{number:06d}.json", orjson.dumps(record, default=str))
        write_whole(self.folder / "current", f"{version}\n".encode())
