"""The parameters of a run: given, else from the alert's labels, else the default; each of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsctl.core.document import nearest
from opsctl.core.errors import UsageError
from opsctl.runbook.book import Parameter, Runbook
from opsctl.runbook.check import fits

_WORDS = {"true": True, "false": False}


def parameters(book: Runbook, given: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Every parameter of the runbook with its value. Raises UsageError naming the one that is wrong or missing."""
    for name in given:
        if name not in book.parameters:
            raise UsageError(f"{book.name} has no parameter {name!r}", nearest(name, list(book.parameters)))
    return {name: _value(name, p, given, labels) for name, p in book.parameters.items()}


def _value(name: str, parameter: Parameter, given: Mapping[str, Any], labels: Mapping[str, str]) -> Any:
    if name in given:
        value = _typed(name, parameter, given[name])
    elif parameter.label and labels.get(parameter.label):
        value = _typed(name, parameter, labels[parameter.label])
    elif parameter.default is not None:
        value = parameter.default
    else:
        label = f", or --alert FINGERPRINT with the label {parameter.label!r}" if parameter.label else ""
        raise UsageError(f"parameter {name!r} is needed", f"--param {name}=VALUE{label}")
    if parameter.choices and str(value) not in parameter.choices:
        raise UsageError(f"{name} cannot be {value!r}", nearest(str(value), parameter.choices))
    return value


def _typed(name: str, parameter: Parameter, value: Any) -> Any:
    """A value of the parameter's type; text, as a command line or a label gives it, is read as that type."""
    try:
        if isinstance(value, str) and parameter.type == "integer":
            value = int(value)
        elif isinstance(value, str) and parameter.type == "number":
            value = float(value)
        elif isinstance(value, str) and parameter.type == "boolean":
            value = _WORDS[value.lower()]
    except (ValueError, KeyError) as error:
        raise UsageError(f"{name}: {value!r} is not {parameter.type}") from error
    if not fits(parameter.type, value):
        raise UsageError(f"{name}: {value!r} is not {parameter.type}")
    return value
