"""Values as Go's fmt prints them: %v, and the verbs of printf. Source: fmt/print.go, fmt/format.go."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(.)?", re.DOTALL)
_DOT = re.compile(r"%[-+# 0]*(?:\*|\d+)?\.")
_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_WIDEST = 10_000
_EXPONENT_FROM = 6


def go_text(value: Any) -> str:
    """A value as %v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    if hasattr(value, "__go_text__"):
        return str(value.__go_text__())
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{go_text(k)}:{go_text(value[k])}" for k in sorted(value)) + "]"
    if isinstance(value, Sequence):
        return "[" + " ".join(go_text(v) for v in value) + "]"
    return str(value)


def float_text(value: float, precision: int | None = None) -> str:
    """%g: with no precision the shortest text that reads back, an exponent below 1e-4 and from 1e6."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if precision is not None:
        return f"{value:.{precision or 1}g}"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    digits, exponent = _shortest(value)
    if exponent < -4 or exponent >= _EXPONENT_FROM:
        return _scientific(value, digits, exponent)
    return _plain(value, digits, exponent)


def _shortest(value: float) -> tuple[str, int]:
    """The significant digits, and the exponent of the first."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    written = whole + fraction
    digits = written.lstrip("0")
    return digits.rstrip("0"), len(whole) - 1 - (len(written) - len(digits)) + int(exponent or "0")


def _scientific(value: float, digits: str, exponent: int) -> str:
    sign = "-" if value < 0 else ""
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if exponent >= 0 else '-'}{abs(exponent):02d}"


def _plain(value: float, digits: str, exponent: int) -> str:
    sign = "-" if value < 0 else ""
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    padded = digits.ljust(exponent + 1, "0")
    rest = padded[exponent + 1 :]
    return f"{sign}{padded[: exponent + 1]}{'.' + rest if rest else ''}"


def sprint(*values: Any) -> str:
    """fmt.Sprint: a space between two operands when neither is a string."""
    made = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            made += " "
        made += go_text(value)
    return made


def sprintf(pattern: str, *values: Any) -> str:
    """fmt.Sprintf, with Go's marks for what does not fit (`%!d(string=x)`, `%!s(MISSING)`)."""
    rest = list(values)

    def one(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        wide = rest.pop(0) if width == "*" and rest else width
        dotted = _DOT.match(match.group()) is not None
        exact = rest.pop(0) if precision == "*" and rest else (precision or "0" if dotted else None)
        if not rest:
            return f"%!{verb}(MISSING)"
        bad = "".join(f"%!(BAD{word})" for word, size in (("WIDTH", wide), ("PREC", exact)) if not _is_size(size))
        wide, exact = (size if _is_size(size) else None for size in (wide, exact))
        return bad + _shown(verb, flags, _size(wide) or 0, _size(exact), rest.pop(0))

    made = _VERB.sub(one, pattern)
    if rest:
        made += "%!(EXTRA " + ", ".join(f"{go_type(v)}={go_text(v)}" for v in rest) + ")"
    return made


def _shown(verb: str, flags: str, width: int, precision: int | None, value: Any) -> str:
    """One value by one verb; of a list or map each part by itself, and what does not fit between Go's marks."""
    if verb not in "vT" and not hasattr(value, "__go_text__"):
        if isinstance(value, Mapping):
            pairs = ((k, value[k]) for k in sorted(value))
            return (
                "map[" + " ".join(":".join(_shown(verb, flags, width, precision, p) for p in kv) for kv in pairs) + "]"
            )
        if isinstance(value, Sequence) and not isinstance(value, str):
            return "[" + " ".join(_shown(verb, flags, width, precision, v) for v in value) + "]"
    made = _verb(verb, flags, precision, value)
    if made is not None:
        return _padded(made, flags, width, verb)
    if value is None:
        return f"%!{verb}(<nil>)"
    inner = value[:precision] if isinstance(value, str) else go_text(value)
    return f"%!{verb}({go_type(value)}={_padded(inner, flags, width, 'v')})"


def _is_size(given: Any) -> bool:
    """None, the digits of a pattern, or an argument that stands for a `*`: an integer that is not too large."""
    if isinstance(given, int) and not isinstance(given, bool):
        return abs(given) <= 1_000_000
    return given is None or (isinstance(given, str) and given.isascii() and given.isdigit())


def _size(text: Any) -> int | None:
    return None if text is None else min(int(text), _WIDEST)


def go_type(value: Any) -> str:
    """The name of a value's type, as %T prints it."""
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float64"), (str, "string")):
        if isinstance(value, kind):
            return name
    return "<nil>" if value is None else "map[string]string" if isinstance(value, Mapping) else type(value).__name__


def _verb(verb: str, flags: str, precision: int | None, value: Any) -> str | None:
    """The text, None where the verb does not fit."""
    sign = "+" if "+" in flags else " " if " " in flags else ""
    if verb == "v":
        return go_text(value)
    if verb == "T":
        return go_type(value)
    if verb in "sq" and not isinstance(value, bool | int | float) and value is not None:
        text = go_text(value)[:precision]
        return quoted(text) if verb == "q" else text
    if verb == "t" and isinstance(value, bool):
        return go_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and verb in "dboxXcUq":
        return _signed(_integer(verb, flags, value), sign)
    if isinstance(value, float) and verb in "feEgGF":
        return _signed(_real(verb, precision, value), sign)
    if verb in "xX" and isinstance(value, str):
        return value.encode().hex() if verb == "x" else value.encode().hex().upper()
    return None


def _signed(text: str, sign: str) -> str:
    return sign + text if sign and text[:1] not in "+-" else text


def _integer(verb: str, flags: str, value: int) -> str:
    if verb in "cqU":
        char = chr(value) if 0 <= value <= 0x10FFFF else "\ufffd"
        return char if verb == "c" else quoted(char, "'") if verb == "q" else f"U+{value:04X}"
    return format(value, f"{'#' if '#' in flags and verb in 'xX' else ''}{verb}")


def _real(verb: str, precision: int | None, value: float) -> str:
    if not math.isfinite(value):
        return float_text(value)
    if verb in "gG":
        text = float_text(value, precision)
        return text.upper() if verb == "G" else text
    return format(value, f".{6 if precision is None else precision}{verb}")


def _padded(text: str, flags: str, width: int, verb: str) -> str:
    if len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and verb not in "sqvT":
        sign = text[:1] if text[:1] in "+-" else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def quoted(text: str, mark: str = '"') -> str:
    """As strconv.Quote writes it: what cannot be printed is escaped."""
    return mark + "".join(_escaped(char, mark) for char in text) + mark


def _escaped(char: str, mark: str) -> str:
    if char in (mark, "\\"):
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    short = _ESCAPES.get(char)
    return short or (f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
