"""Regular expressions as templates use them: RE2, with Go's replacements. Source: regexp.Regexp.Expand."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

from opsctl.gotemplate.errors import TemplateError
from opsctl.model.regexp_error import told

_VARIABLE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """A pattern, not anchored. Raises TemplateError."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise TemplateError(told(error)) from error


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """Every match replaced; `$1`, `$name`, `${name}` stand for groups, empty where there is none."""
    try:
        made = compiled(pattern)
    except TemplateError as error:
        raise TemplateError(f"regexp: Compile(`{pattern}`): {error.reason}") from error

    def expanded(match: Any) -> str:
        def one(found: re.Match[str]) -> str:
            name = found.group(1) or found.group(2)
            if name is None:
                return "$"
            if name.isdigit():
                return (match.group(int(name)) or "") if int(name) <= made.groups else ""
            return (match.group(name) or "") if name in made.groupindex else ""

        return _VARIABLE.sub(one, replacement)

    return str(made.sub(expanded, text))
