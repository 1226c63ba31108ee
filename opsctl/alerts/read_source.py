"""alertmanager.yml as YAML means it to Go: nulls are nothing, texts stay as they are written; `${NAME}` filled in."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Any

import yaml

from opsctl.core.document import Path_, Source

_TEXTS = (
    "match",
    "match_re",
    "source_match",
    "source_match_re",
    "target_match",
    "target_match_re",
    "headers",
    "labels",
)
"""Maps whose values are texts, whatever they look like: `match: {on: true}`."""


def prepared(source: Source, names: Mapping[str, str]) -> Source:
    """The same document, ready to be converted. Raises DocumentError for a `${NAME}` that is not set."""
    return Source(source.file, _prepared(source, source.data, source.node, (), names), source.node)


def _prepared(source: Source, data: Any, node: yaml.Node | None, path: Path_, names: Mapping[str, str]) -> Any:
    if isinstance(data, dict):
        below = _children(node)
        texts = bool(path) and path[-1] in _TEXTS
        made = {}
        for key, value in data.items():
            child = below.get(str(key))
            if texts and isinstance(child, yaml.ScalarNode) and value is not None:
                made[key] = child.value
            elif value is not None or texts:
                made[key] = _prepared(source, value, child, (*path, key), names)
        return made
    if isinstance(data, list):
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [None] * len(data)
        return [_prepared(source, v, c, (*path, n), names) for n, (v, c) in enumerate(zip(data, nodes, strict=True))]
    if isinstance(data, str) and "${" in data and path and str(path[-1]).endswith(("url", "_file")):
        return _filled(source, data, path, names)
    return data


def _children(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _filled(source: Source, text: str, path: Path_, names: Mapping[str, str]) -> str:
    try:
        return Template(text).substitute(names)
    except (KeyError, ValueError) as error:
        raise source.refuse(path, f"no environment variable {error}", "set it, or write the value out") from error
