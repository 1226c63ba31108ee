"""Numbers and texts as Prometheus prints them."""

from __future__ import annotations

import math


def format_float(value: float) -> str:
    """Go's strconv.FormatFloat(v, 'f', -1, 64): no exponent, shortest that reads back."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" not in text:
        return text[:-2] if text.endswith(".0") else text
    return _expanded(text)


def _expanded(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    shift = int(exponent)
    digits = whole + fraction
    point = len(whole) + shift
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"


def printable(text: str) -> str:
    """A text that is UTF-8: other bytes become U+FFFD."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def parse_float(text: str) -> float:
    """Go's strconv.ParseFloat for label values such as `le`. Raises ValueError."""
    plain = text.strip() if text == text.strip() else ""
    if not plain or "_" in plain:
        raise ValueError(f"not a number: {text!r}")
    lowered = plain.lower().lstrip("+-")
    if lowered in ("inf", "infinity", "nan"):
        return float(plain)
    return float.fromhex(plain) if lowered.startswith("0x") else float(plain)
