"""One step of `relabel_configs` as a document."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator

from opsctl.core.document import document

Action = Literal[
    "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep",
    "lowercase", "uppercase",
]  # fmt: skip

_TARGET = re.compile(r"^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$")


def _is_regex(text: str) -> str:
    compile_anchored(text)
    return text


def compile_anchored(text: str) -> Any:
    """An RE2 pattern in which `.` takes line ends too, as Prometheus compiles them. Raises ValueError."""
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise ValueError(f"bad regular expression {text!r}: {error}") from error


@document
class Rule:
    """One step. Defaults as Prometheus': replace, separator `;`, regex `(.*)`, replacement `$1`."""

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: Annotated[str, AfterValidator(_is_regex)] = "(.*)"
    modulus: int = 0
    target_label: str = ""
    replacement: str = "$1"
    action: Action = "replace"

    def __post_init__(self) -> None:
        needs_target = self.action in ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal")
        if needs_target and not self.target_label:
            raise ValueError(f"relabel action {self.action} needs target_label")
        if self.action == "hashmod" and self.modulus <= 0:
            raise ValueError("relabel action hashmod needs a modulus above 0")
        if self.action in ("replace", "lowercase", "uppercase", "hashmod") and not _TARGET.match(self.target_label):
            raise ValueError(f"{self.target_label!r} is not a label name")
        if self.action in ("labeldrop", "labelkeep") and (self.source_labels or self.target_label or self.modulus):
            raise ValueError(f"relabel action {self.action} takes only a regex")

    @cached_property
    def pattern(self) -> Any:
        return compile_anchored(self.regex)
