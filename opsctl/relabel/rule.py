"""One step of `relabel_configs` as a document. Source: Prometheus 3, model/relabel Config."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator, BeforeValidator

from opsctl.core.document import document, nearest

ACTIONS = (
    "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep",
    "lowercase", "uppercase",
)  # fmt: skip
_LEGACY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LEGACY_TEMPLATE = re.compile(r"(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))(?:\w|\$(?:\{\w+\}|\w+))*", re.ASCII)
_WITH_TARGET = ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal")


class UnknownAction(ValueError):
    """No action of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f'unknown relabel action "{name}"')
        self.hint = nearest(name.lower(), ACTIONS)


def _action(value: Any) -> Any:
    """In any case of letters."""
    if isinstance(value, str):
        if value.lower() not in ACTIONS:
            raise UnknownAction(value)
        return value.lower()
    return value


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


Action = Annotated[
    Literal[
        "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep",
        "lowercase", "uppercase",
    ],
    BeforeValidator(_action),
]  # fmt: skip


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
        wrong = self.mistake()
        if wrong:
            raise ValueError(wrong)

    def mistake(self, legacy: bool = False) -> str:
        """What does not go together, or ''. `legacy`: labels have letters, digits and `_` only."""
        if not 0 <= self.modulus < 2**64:
            return "modulus must be a number from 0 to 2^64-1"
        if self.action == "hashmod" and not self.modulus:
            return "relabel configuration for hashmod requires non-zero modulus"
        if self.action in _WITH_TARGET and not self.target_label:
            return f"relabel configuration for {self.action} action requires 'target_label' value"
        if "" in self.source_labels:
            return '"" is not a valid label name'
        return self._names(legacy) or self._extras()

    def _names(self, legacy: bool) -> str:
        wrong = f"\"{self.target_label}\" is invalid 'target_label' for {self.action} action"
        if self.action == "replace" and "$" in self.target_label:
            if legacy and not _LEGACY_TEMPLATE.fullmatch(self.target_label):
                return wrong
        elif self.action in _WITH_TARGET and legacy and not _LEGACY.fullmatch(self.target_label):
            return wrong
        if self.action == "labelmap":
            fits = _LEGACY_TEMPLATE.fullmatch(self.replacement) if legacy else self.replacement
            return "" if fits else f"\"{self.replacement}\" is invalid 'replacement' for labelmap action"
        return ""

    def _extras(self) -> str:
        """Keys that an action has no use for."""
        usual = self.separator == ";" and self.replacement == "$1" and not self.modulus
        if self.action in ("lowercase", "uppercase", "keepequal", "dropequal") and self.replacement != "$1":
            return f"'replacement' can not be set for {self.action} action"
        if self.action in ("keepequal", "dropequal") and not (usual and self.regex == "(.*)"):
            return f"{self.action} action requires only 'source_labels' and `target_label`, and no other fields"
        if self.action in ("labeldrop", "labelkeep") and not (
            usual and not self.source_labels and not self.target_label
        ):
            return f"{self.action} action requires only 'regex', and no other fields"
        return ""

    @cached_property
    def pattern(self) -> Any:
        return compile_anchored(self.regex)
