"""The labels and annotations of an alert, filled in. Source: rules/alerting.go expand, template/template.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from opsctl.gotemplate import Functions, Template, TemplateError, go_text
from opsctl.rules.functions import rule_functions

_HEAD = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)


@dataclass(frozen=True)
class AlertData:
    """What a template of an alerting rule sees."""

    labels: Mapping[str, str]
    external_labels: Mapping[str, str]
    external_url: str
    value: float

    def template_fields(self) -> Mapping[str, Any]:
        return {
            "Labels": self.labels,
            "ExternalLabels": self.external_labels,
            "ExternalURL": self.external_url,
            "Value": self.value,
        }

    def __go_text__(self) -> str:
        return "{" + " ".join(go_text(value) for value in self.template_fields().values()) + "}"


@lru_cache(maxsize=8192)
def parse_template(text: str, alert: str) -> Template:
    """A rule's template, parsed once. Raises TemplateError."""
    return Template.parse(_HEAD + text, _NAMES, f"__alert_{alert}")


def expanded(text: str, alert: str, data: AlertData, functions: Functions) -> tuple[str, str]:
    """The text filled in, and '' or what went wrong; then the text says so itself, as in Prometheus."""
    if "{{" not in text:
        return text, ""
    try:
        return parse_template(text, alert).render(data, functions), ""
    except TemplateError as error:
        reason = f"error executing template __alert_{alert}: {error.message}"
        return f"<error expanding template: {reason}>", reason


_NAMES = rule_functions(lambda expr: [], "", 0.0)
