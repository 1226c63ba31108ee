"""Which label names are allowed: any text (UTF-8, the default) or the classic letters, digits and underscores."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from opsctl.model.labels import Labels

NameRule = Callable[[str], bool]
_CLASSIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


def any_name(name: str) -> bool:
    """Source: prometheus/common model.UTF8Validation."""
    return name != ""


def classic_name(name: str) -> bool:
    """Source: prometheus/common model.LegacyValidation; alertmanager's feature classic-mode."""
    return _CLASSIC.match(name) is not None


def check_names(labels: Labels, rule: NameRule, kind: str) -> None:
    """Raises ValueError with Alertmanager's sentence: `invalid label set: invalid name "0a"`."""
    for name in labels:
        if not rule(name):
            raise ValueError(f"{kind}: invalid name {json.dumps(name, ensure_ascii=False)}")
