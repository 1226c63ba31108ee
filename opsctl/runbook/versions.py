"""Changes to a versioned configuration that keep its text as people wrote it, and never step on another change."""

from __future__ import annotations

import difflib
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from opsctl.core.document import nearest, parse
from opsctl.core.errors import Conflict, NotFound, UsageError
from opsctl.core.versions import ConfigVersions


class Versions:
    """A configuration folder. Raises NotFound where it, a version or a key does not exist."""

    def __init__(self, folder: Path) -> None:
        self._in = ConfigVersions(folder)

    def current(self) -> str:
        return self._in.current

    def all(self) -> list[str]:
        return self._in.versions()

    def before(self, version: str) -> str:
        """The version to go back to; '' when there is none."""
        try:
            return self._in.before(version)
        except Conflict:
            return ""

    def value(self, version: str, key: str) -> Any:
        """The value at a dotted key. Raises NotFound with the nearest right name."""
        value: Any = self._in.values(version)
        for step in key.split("."):
            if not isinstance(value, dict) or step not in value:
                known = [str(k) for k in value] if isinstance(value, dict) else []
                raise NotFound(f"version {version} has no key {key!r}", nearest(step, known))
            value = value[step]
        return value

    def diff(self, old: str, new: str) -> str:
        """The unified difference of two versions' texts."""
        texts = [self._in.text(v).splitlines(keepends=True) for v in (old, new)]
        return "".join(difflib.unified_diff(texts[0], texts[1], f"versions/{old}.yml", f"versions/{new}.yml", n=1))

    def with_value(self, version: str, key: str, value: Any) -> str:
        """The text of a version with one existing scalar changed, all else kept as written, comments too.

        Raises UsageError when the value is of another type than the one there.
        """
        old = self.value(version, key)
        if isinstance(old, dict | list) or type(old) is not type(value):
            raise UsageError(f"{key} is {old!r}; {value!r} is not of its type")
        text = self._in.text(version)
        node = _node(parse(text, version).node, key.split("."))
        made = text[: node.start_mark.index] + _scalar(value) + text[node.end_mark.index :]
        changed: Any = yaml.safe_load(made)
        for step in key.split("."):
            changed = changed[step]
        if changed != value:
            raise UsageError(f"{key} cannot be changed in the text of version {version}")
        return made

    def put(self, text: str, expected: str, why: Mapping[str, Any]) -> str:
        """Adds a version and puts it in force. Raises Conflict when `expected` is not in force any more."""
        with self._alone(expected):
            return self._in.write_text(text, why)

    def switch(self, version: str, expected: str, why: Mapping[str, Any]) -> None:
        """Puts an existing version in force. Raises Conflict when `expected` is not in force any more."""
        with self._alone(expected):
            self._in.use(version, why)

    @contextmanager
    def _alone(self, expected: str) -> Iterator[None]:
        lock = os.open(self._in.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
