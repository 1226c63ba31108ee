"""Flags as kingpin reads them: `--name=value`, `--name value`, `--no-switch`, and its words for what is wrong.

Source: github.com/alecthomas/kingpin/v2, the command-line library of Prometheus.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opsctl.model.duration import format_duration, parse_duration
from opsctl.model.labels import quote

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]*)")
_UNITS = {unit: 1024**n for n, unit in enumerate(("B", "KB", "MB", "GB", "TB", "PB", "EB"))}
_UNITS |= {unit.replace("B", "iB"): size for unit, size in _UNITS.items() if unit != "B"}


class BadFlags(Exception):
    """The command line is wrong; `code`: what Prometheus ends with."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Flag:
    """A flag; `read` makes its value as it is shown, or raises ValueError. A switch is one that reads booleans."""

    name: str
    default: str
    help: str
    read: Callable[[str], str]
    repeats: bool = False

    @property
    def switch(self) -> bool:
        return self.read is boolean


def parse_flags(arguments: Sequence[str], flags: Mapping[str, Flag]) -> dict[str, str]:
    """The values that are given, by the flags' names. Raises BadFlags."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        flag, text = _next(rest, flags)
        try:
            value = flag.read(text)
        except ValueError as error:
            raise BadFlags(str(error), 2) from error
        if flag.name in found and not flag.repeats:
            raise BadFlags(f"flag '{flag.name}' cannot be repeated", 2)
        found[flag.name] = f"{found[flag.name]},{value}" if flag.name in found else value
    return found


def _next(rest: list[str], flags: Mapping[str, Flag]) -> tuple[Flag, str]:
    """Takes the first flag and its value off `rest`."""
    word = rest.pop(0)
    if not word.startswith("--"):
        short = word.startswith("-") and len(word) > 1
        raise BadFlags(f"unknown short flag '{word[:2]}'" if short else f"unexpected {word}", 1)
    name, equals, value = word[2:].partition("=")
    flag = flags.get(name)
    off = flags.get(name.removeprefix("no-"))
    if flag is None and off is not None and off.switch and name.startswith("no-"):
        return off, "false"
    if flag is None:
        raise BadFlags(f"unknown long flag '--{name}'", 1)
    if flag.switch:
        if equals:
            raise BadFlags(f"unexpected {value}", 1)
        return flag, "true"
    if not equals and (not rest or rest[0].startswith("-")):
        raise BadFlags(f"expected argument for flag '--{name}'", 1)
    return flag, value if equals else rest.pop(0)


def boolean(text: str) -> str:
    return text


def words(text: str) -> str:
    return text


def duration(text: str) -> str:
    """A duration, written as Prometheus shows it."""
    if not text:
        raise ValueError("empty duration string")
    try:
        return format_duration(parse_duration(text))
    except ValueError as error:
        raise ValueError(f"not a valid duration string: {quote(text)}") from error


def number(text: str) -> str:
    """A number, whose fraction is dropped where a whole one is needed."""
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax") from error
    if not math.isfinite(value):
        raise ValueError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return f"{value:.15g}" if abs(value) < 1e15 else str(int(value))


def size(text: str) -> str:
    """Bytes with a unit; units are powers of 1024."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"units: invalid {text}")
    if match[2] not in _UNITS:
        raise ValueError(f"units: unknown unit {match[2]} in {text}")
    return text


def one_of(what: str, *names: str) -> Callable[[str], str]:
    """One of some words."""

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"unrecognized log {what} {text}")
        return text

    return read
