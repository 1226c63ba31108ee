"""The matchers of a route or an inhibition, in all three ways to write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.alerts.matcher_text import Mode, parse_matchers
from opsctl.core.document import Path_, Source
from opsctl.model.matcher import Matcher

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True)
class MatcherReader:
    """Reads from one document; raises DocumentError with the matcher's line."""

    source: Source
    mode: Mode = "fallback"

    def read(
        self, place: Path_, prefix: str, equal: Mapping[str, str], regex: Mapping[str, str], written: tuple[str, ...]
    ) -> tuple[Matcher, ...]:
        """`match`, `match_re` and `matchers` (each after `prefix`) together, sorted as Alertmanager sorts them."""
        found: list[Matcher] = []
        for name, value in equal.items():
            found.append(Matcher(self._name((*place, f"{prefix}match", name), name), "=", value))
        for name, value in regex.items():
            where = (*place, f"{prefix}match_re", name)
            try:
                Matcher(name, "=~", value)
                # Written out, because it stands in the group key.
                found.append(Matcher(self._name(where, name), "=~", f"^(?:{value})$"))
            except ValueError as error:
                raise self.source.refuse(where, str(error)) from error
        for n, text in enumerate(written):
            try:
                found += parse_matchers(text, self.mode)
            except ValueError as error:
                raise self.source.refuse((*place, f"{prefix}matchers", n), str(error)) from error
        return tuple(sorted(found, key=lambda m: (m.name, m.value, m.op)))

    def _name(self, place: Path_, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise self.source.refuse(place, f"invalid label name {name!r}", "matchers take any UTF-8 name")
        return name

    def labels(self, place: Path_, names: tuple[str, ...], where: str) -> tuple[str, ...]:
        """Names of labels in a list; any UTF-8 text, except in classic mode."""
        for n, name in enumerate(names):
            if not name or (self.mode == "classic" and not _NAME.fullmatch(name)):
                raise self.source.refuse((*place, n), f"invalid label name {name!r} in {where} list")
        return names
