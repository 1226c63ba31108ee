"""Plain YAML scalars where a document wants text: `1.10`, `0x1F`, `true` stay as they were written, as in Go."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import yaml
from pydantic.fields import FieldInfo

_DEEPEST = 60


def spelled(value: Any, node: yaml.Node | None, kind: Any, depth: int = 0) -> Any:
    """`value` with the spelling of `node` in every place that `kind` (a document class, or a type) wants a string."""
    if node is None or depth > _DEEPEST:
        return value
    kind = _bare(kind)
    if kind is str:
        return node.value if isinstance(node, yaml.ScalarNode) and isinstance(value, int | float) else value
    if isinstance(value, dict) and isinstance(node, yaml.MappingNode):
        return _mapping(value, node, kind, depth)
    if isinstance(value, list) and isinstance(node, yaml.SequenceNode) and get_origin(kind) in (tuple, list, Sequence):
        inner = get_args(kind)[0]
        nodes = node.value if len(node.value) == len(value) else [n for n in node.value if not _is_null(n)]
        if len(nodes) == len(value):
            return [spelled(one, at, inner, depth + 1) for one, at in zip(value, nodes, strict=True)]
    return value


def _mapping(value: dict[Any, Any], node: yaml.MappingNode, kind: Any, depth: int) -> dict[Any, Any]:
    nodes = {key.value: at for key, at in node.value if isinstance(key, yaml.ScalarNode)}
    if get_origin(kind) in (dict, Mapping):
        inner = get_args(kind)[1]
        return {key: spelled(one, nodes.get(key), inner, depth + 1) for key, one in value.items()}
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        return value
    fields = _fields(kind)
    return {
        key: spelled(one, nodes.get(key), fields[key], depth + 1) if key in fields else one
        for key, one in value.items()
    }


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _bare(kind: Any) -> Any:
    """The type without its annotations; of `X | None`, X."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        others = [one for one in get_args(kind) if one is not type(None)]
        return _bare(others[0]) if len(others) == 1 else kind
    return kind


@lru_cache(maxsize=500)
def _fields(cls: Any) -> dict[str, Any]:
    """The types of a document class' keys, by the names that documents use."""
    found = {}
    for name, kind in get_type_hints(cls, include_extras=True).items():
        extras = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
        alias = next((e.alias for e in extras if isinstance(e, FieldInfo) and e.alias), name)
        found[alias] = kind
    return found
