"""Numbers as the exposition formats write them: what Go's ParseFloat takes, without hexadecimal ones."""

from __future__ import annotations

from opsctl.promql.number import go_float

_NOT_NUMBERS = frozenset(("nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"))


def number_of(text: str) -> float:
    """The value. Raises ValueError in Go's words; Python alone reads `1_0`, `-nan`, `٣` and numbers out of range."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f'strconv.ParseFloat: parsing "{text[:40]}": invalid syntax') from None
    if "_" in text or "p" in text or "P" in text:
        raise ValueError("unsupported character in float")
    if not text.isascii() or text != text.strip():
        raise ValueError(f'strconv.ParseFloat: parsing "{text[:40]}": invalid syntax')
    if value - value != 0 and text.lower() not in _NOT_NUMBERS:
        reason = "value out of range" if any(c.isdigit() for c in text) else "invalid syntax"
        raise ValueError(f'strconv.ParseFloat: parsing "{text[:40]}": {reason}')
    return value


def bound_text(text: str) -> str:
    """A histogram's `le` or a summary's `quantile` in the one writing that Prometheus 3 keeps: `1` is `1.0`."""
    try:
        written = go_float(number_of(text))
    except ValueError:
        return text
    return written if any(c in written for c in "e.NI") else f"{written}.0"
