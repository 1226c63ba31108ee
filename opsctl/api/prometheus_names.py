"""Where a selector's metric name stands: before the braces, or within them."""

from __future__ import annotations

from opsctl.model.labels import METRIC_NAME
from opsctl.model.matcher import Matcher
from opsctl.promql.syntax import Selector


def outer_name(selector: Selector, text: str) -> str:
    """The name before the braces in the expression `text`; '' when there is none."""
    return "" if text[selector.position :].lstrip().startswith("{") else selector.name


def says_name(matcher: Matcher, name: str) -> bool:
    """Whether a matcher only says the name again."""
    return matcher.name == METRIC_NAME and matcher.op == "=" and matcher.value == name
