"""label_replace, label_join."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import re2

from opsctl.model.labels import Labels
from opsctl.promql.errors import PromqlError
from opsctl.promql.frame import Frame
from opsctl.promql.number import printable

_VARIABLE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


def label_replace(frame: Frame, target: str, replacement: str, source: str, pattern: str) -> Frame:
    """Sets `target` from a regular expression (RE2, anchored) over `source`; no match leaves a series as it is."""
    try:
        compiled = compiled_anchored(pattern)
    except re2.error as error:
        raise PromqlError(f"invalid regular expression in label_replace(): {pattern}") from error
    if not valid_name(target):
        raise PromqlError(f"invalid destination label name in label_replace(): {target}")
    return frame.relabelled([_replaced(each, target, replacement, source, compiled) for each in frame.labels])


def compiled_anchored(pattern: str) -> Any:
    """An RE2 pattern that must match the whole text. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(f"^(?s:{pattern})$", options)


def _replaced(labels: Labels, target: str, replacement: str, source: str, compiled: Any) -> Labels:
    match = compiled.search(labels.get_or_empty(source))
    return labels if match is None else labels.merged({target: expand(replacement, match, compiled)})


def expand(template: str, match: Any, compiled: Any) -> str:
    """Go's Regexp.Expand: `$1`, `$name`, `${name}`, `$$`; an unknown group is empty."""

    def one(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(2)
        if name is None:
            return "$"
        if name.isdigit():
            return (match.group(int(name)) or "") if int(name) <= compiled.groups else ""
        return (match.group(name) or "") if name in compiled.groupindex else ""

    return printable(_VARIABLE.sub(one, template))


def label_join(frame: Frame, target: str, separator: str, sources: Sequence[str]) -> Frame:
    """Sets `target` to the values of `sources` with `separator` between them."""
    for each in sources:
        if not valid_name(each):
            raise PromqlError(f"invalid source label name in label_join(): {each}")
    if not valid_name(target):
        raise PromqlError(f"invalid destination label name in label_join(): {target}")
    joined = [printable(separator).join(each.get_or_empty(s) for s in sources) for each in frame.labels]
    return frame.relabelled([each.merged({target: value}) for each, value in zip(frame.labels, joined, strict=True)])


def valid_name(name: str) -> bool:
    """Any UTF-8 text that is not empty is a label name in Prometheus 3."""
    return name != "" and not any(0xD800 <= ord(c) < 0xE000 for c in name)
