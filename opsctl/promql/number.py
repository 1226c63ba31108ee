"""Numbers and texts as Prometheus prints them."""

from __future__ import annotations

import math
from decimal import Decimal


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


def go_float(value: float) -> str:
    """Go's FormatFloat(v, 'g', -1, 64), and so fmt.Sprint: exponents below 1e-4 and from 1e6 on."""
    if math.isnan(value) or math.isinf(value):
        return format_float(value)
    mantissa, _, exponent = _shortest(value).partition("e")
    if value != 0 and not -4 <= int(exponent) < 6:
        return f"{mantissa}e{int(exponent):+03d}"
    return format_float(value)


def _shortest(value: float) -> str:
    """`d.ddde±x` with the fewest digits that read back as the same number."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    bare = text.rstrip("0") or "0"
    fraction = f".{bare[1:]}" if len(bare) > 1 else ""
    return f"{'-' if sign else ''}{bare[0]}{fraction}e{exponent + len(text) - 1}"


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
    if not lowered.startswith("0x"):
        return float(plain)
    if "p" not in lowered:
        raise ValueError(f"a hexadecimal number without an exponent: {text!r}")
    return float.fromhex(plain)
