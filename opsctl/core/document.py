"""Loads a YAML document into a frozen dataclass, or says what is wrong, and in which line.

A document class is made with `@document`: frozen, keyword-only, unknown keys refused.
YAML is read by the 1.2 core schema, as Go programs read it: `on`, `yes` and `12:30` are strings, and where a string is
wanted a plain scalar is taken as it is written.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, dataclass_transform

import yaml
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from opsctl.core.errors import DocumentError, Problem
from opsctl.core.spelling import spelled
from opsctl.model.duration import parse_duration
from opsctl.model.size import parse_size

T = TypeVar("T")
Path_ = tuple[int | str, ...]

Duration = Annotated[float, BeforeValidator(lambda v: parse_duration(v) if isinstance(v, str) else v)]
"""A document field in seconds, written as Prometheus writes durations: `90s`, `1h30m`."""
Size = Annotated[int, BeforeValidator(lambda v: parse_size(v) if isinstance(v, str) else v)]
"""A document field in bytes, written as Prometheus writes sizes: `512KB`, `10MB`."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def document(cls: type[T]) -> type[T]:
    """Makes a document class: a frozen dataclass whose unknown keys are refused at load."""
    config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, arbitrary_types_allowed=True)
    cls.__pydantic_config__ = config  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema and without duplicate keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands here twice", key.start_mark
                    )
                seen.add(key.value)
                key.tag = "tag:yaml.org,2002:str"  # keys are names: `1.10` and `yes` as they are written
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
              r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):  # fmt: skip
    _starts = [*_first, ""] if _tag == "null" else list(_first)
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _starts)


@dataclasses.dataclass(frozen=True)
class Source:
    """A parsed YAML text: its data, and where each part of it stands."""

    file: str
    data: Any
    node: yaml.Node | None

    def line(self, path: Sequence[int | str]) -> int:
        """The 1-based line of the part at `path`, or of the nearest part above it."""
        node, line = self.node, 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def problem(self, path: Sequence[int | str], message: str, hint: str = "") -> Problem:
        return Problem(self.file, self.line(path), dotted(path), message, hint)

    def refuse(self, path: Sequence[int | str], message: str, hint: str = "") -> DocumentError:
        """The error for one mistake at `path`, to be raised by a room's own checks."""
        return DocumentError([self.problem(path, message, hint)])


def _child(node: yaml.Node | None, step: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        value = node.value[step]
        return value.start_mark.line + 1, value
    return None


def dotted(path: Sequence[int | str]) -> str:
    """A path as a person writes it: `route.routes[1].receiver`."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")


def nearest(word: str, words: Sequence[str]) -> str:
    """The hint that names the nearest right name, or lists them all when they are few."""
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"one of: {', '.join(sorted(words))}" if 0 < len(words) <= 12 else ""


def parse(text: str, file: str) -> Source:
    """Parses YAML text. Raises DocumentError with the line of a syntax error or duplicate key."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        raise DocumentError([Problem(file, line, "", error.problem or str(error))]) from error
    except (KeyError, IndexError, AttributeError) as error:  # a scalar that is not what its tag (`!!bool x`) says
        raise DocumentError([Problem(file, 0, "", "a value is not of the type that its !! tag names")]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError([Problem(file, 0, "", f"not YAML: {error}")]) from error
    return Source(file, data, node)


def read(path: Path) -> Source:
    """Parses a YAML file; a missing or unreadable file is a DocumentError that names it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError([Problem(str(path), 0, "", f"cannot be read: {error}")]) from error
    return parse(text, str(path))


def convert(source: Source, cls: type[T]) -> T:
    """Turns parsed YAML into `cls`. Raises DocumentError naming every mistake with its line."""
    data = spelled(source.data, source.node, cls)
    try:
        return TypeAdapter(cls).validate_python({} if data is None else data)
    except ValidationError as error:
        raise DocumentError([_problem(source, cls, e) for e in error.errors()]) from error


def load(path: Path, cls: type[T]) -> T:
    """Reads the YAML file at `path` into `cls`. Raises DocumentError."""
    return convert(read(path), cls)


def _problem(source: Source, cls: type[Any], error: ErrorDetails) -> Problem:
    path = _real_path(source.data, error["loc"])
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return source.problem(path, "unknown key", nearest(str(path[-1]), _keys_at(cls, path[:-1])))
    if error["type"] in ("missing", "missing_argument"):
        return source.problem(path, "is required")
    context = error.get("ctx") or {}
    cause = context.get("error")
    message = str(cause) if cause is not None else error["msg"]
    hint = getattr(cause, "hint", "") if cause is not None else ""
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        hint = nearest(error["input"], re.findall(r"'([^']*)'", str(context.get("expected", ""))))
    return source.problem(path, message, hint)


def _real_path(data: Any, loc: Path_) -> Path_:
    """Drops pydantic's own steps (union members, validators' names) from an error's place."""
    path: list[int | str] = []
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(data, dict) and (step in data or last):
            path.append(step)
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int):
            path.append(step)
            data = data[step] if step < len(data) else None
    return tuple(path)


def _keys_at(cls: Any, path: Sequence[int | str]) -> list[str]:
    """The keys that the document class knows at `path`."""
    schema = TypeAdapter(cls).json_schema()
    found = [schema]
    for step in path:
        found = [n for s in found for n in _step_into(schema, s, step)]
    return sorted({k for s in found for v in _variants(schema, s) for k in v.get("properties", {})})


def _step_into(root: dict[str, Any], node: dict[str, Any], step: int | str) -> Iterator[dict[str, Any]]:
    for variant in _variants(root, node):
        if isinstance(step, int):
            found = variant.get("items")
        else:
            found = variant.get("properties", {}).get(step) or variant.get("additionalProperties")
        if isinstance(found, dict):
            yield found


def _variants(root: dict[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in node:
        for each in node["anyOf"]:
            yield from _variants(root, each)
    else:
        yield node


def schema(cls: type[Any]) -> dict[str, Any]:
    """The JSON schema of a document class, for editors (`opsctl config schema`)."""
    return TypeAdapter(cls).json_schema()
