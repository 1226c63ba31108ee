"""Which metrics belong to one OpenMetrics family, and what stands above it. Source: the OpenMetrics 1.0 specification."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SUFFIXES: tuple[tuple[str, frozenset[str]], ...] = (
    ("_total", frozenset({"counter"})),
    ("_bucket", frozenset({"histogram"})),
    ("_count", frozenset({"histogram", "summary"})),
    ("_sum", frozenset({"histogram", "summary"})),
    ("_created", frozenset({"counter", "histogram", "summary"})),
    ("_info", frozenset({"info"})),
)
_ITSELF = frozenset({"gauge", "summary", "stateset"})
COMPOUND = frozenset({"histogram", "summary"})


@dataclass(frozen=True)
class Known:
    """What is known of a metric: its type in Prometheus' words, help and unit."""

    type: str = "unknown"
    help: str = ""


@dataclass(frozen=True)
class Family:
    """`names` are the metrics in it. Type `unknown` where nothing fits what is known."""

    name: str
    names: tuple[str, ...]
    type: str = "unknown"
    help: str = ""

    def head(self) -> str:
        """Its TYPE and HELP lines, those that say something."""
        if not _PLAIN.fullmatch(self.name):
            return ""
        lines = [f"# TYPE {self.name} {self.type}\n"] if self.type != "unknown" else []
        if self.help:
            lines.append(f"# HELP {self.name} {_escaped(self.help)}\n")
        return "".join(lines)


def families(names: Iterable[str], known: Mapping[str, Known]) -> list[Family]:
    """The families of metrics, by name; each metric in one."""
    every = set(names)
    found: dict[str, tuple[Known, list[str]]] = {}
    for name in sorted(every):
        family, facts = _family(name, known, every)
        found.setdefault(family, (facts, []))[1].append(name)
    return [Family(name, tuple(members), facts.type, facts.help) for name, (facts, members) in sorted(found.items())]


def _family(name: str, known: Mapping[str, Known], every: set[str]) -> tuple[str, Known]:
    for suffix, types in _SUFFIXES:
        base = name.removesuffix(suffix)
        facts = known.get(base)
        if base != name and facts is not None and facts.type in types and base not in every - _own(facts, base):
            return base, facts
    facts = known.get(name, Known())
    base = name.removesuffix("_total")
    if facts.type == "counter" and base != name and base not in every and base not in known:
        return base, facts
    return name, facts if facts.type in _ITSELF else Known(help=facts.help)


def _own(facts: Known, base: str) -> set[str]:
    """A summary's quantiles have the family's own name."""
    return {base} if facts.type == "summary" else set()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
