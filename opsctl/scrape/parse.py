"""The exposition formats, text 0.0.4 and 1.0.0 and OpenMetrics, line by line.

A line is cut into its series text and its value only; the series text is parsed when it is seen for the first time
(`parse_series`), which makes a scrape about ten times cheaper than a full parser. Source: Prometheus 3, model/textparse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from opsctl.scrape.metadata import Said, openmetrics_comment, text_comment
from opsctl.scrape.number import number_of
from opsctl.scrape.series_text import parse_series

_CONTROLS = "\x0b\x0c\r\x1c\x1d\x1e\x1f"
"""Python takes these for blanks."""
_EXEMPLAR = re.compile(r"\{((?:[^\"]|\"(?:\\.|[^\"\\])*\")*)\} ([^ ]+)(?: ([^ ]+))?")
_LINE = re.compile(r'[ \t]*#[^\n]*|(?:[^"\n]|"(?:\\.|[^"\\])*"|")+', re.DOTALL)
_LONGEST_MS = 2**63 - 1


class BadExposition(ValueError):
    """The text is not what a /metrics page may hold; the message names the line.

    `page`: what came before. `counted`: whether the wrong series counts as read.
    """

    def __init__(self, message: str, page: Exposition | None = None, counted: bool = False) -> None:
        super().__init__(message)
        self.page, self.counted = page, counted


@dataclass(slots=True)
class Exposition:
    """What a page said: `keys[i]` (series text) has `values[i]`; `stamped` those with a time of their own (ms).

    `kinds`: how many keys and stamped ones stood before each TYPE line, and its type.
    """

    openmetrics: bool = False
    keys: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    stamped: list[tuple[str, float, int]] = field(default_factory=list)
    kinds: list[tuple[int, int, str]] = field(default_factory=list)
    comments: list[Said] = field(default_factory=list)
    line: int = 0

    def note(self, said: Said | None) -> None:
        if said is not None:
            self.comments.append(said)
            if said.keyword == "TYPE":
                self.kinds.append((len(self.keys), len(self.stamped), said.text))


def parse(text: str, openmetrics: bool = False) -> Exposition:
    """Cuts a page into series texts and values. Raises BadExposition."""
    lines = text.split("\n")
    page = Exposition(openmetrics)
    try:
        if openmetrics:
            _openmetrics(page, lines)
            return page
        odd = not text.isascii() or any(control in text for control in _CONTROLS)
        try:
            _text(page, lines, odd)
        except ValueError:
            if not _ends_in_quotes(lines[page.line - 1]):
                raise
            page = Exposition()
            _text(page, _quoted_lines(text), odd)
    except ValueError as error:
        raise BadExposition(f"line {page.line}: {error}", page) from error
    return page


def _ends_in_quotes(line: str) -> bool:
    """Whether a label value goes on in the next line."""
    return line[:1] != "#" and line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 1


def _quoted_lines(text: str) -> list[str]:
    """The lines of a page whose label values hold line ends."""
    return [match[0] for match in _LINE.finditer(text)]


def _text(page: Exposition, lines: list[str], odd: bool) -> None:
    """`odd`: whether there are characters that Python, but not the format, takes for blanks or digits."""
    keys, values = page.keys, page.values
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        if line[0] in " \t#":
            page.line, rest = number, line.lstrip(" \t")
            if not rest or rest[0] == "#":
                page.note(text_comment(rest) if rest else None)
                continue
        end = line.rfind("}") + 1 or _end_of_name(line)
        said = line[end:]
        try:
            value = float(said)
        except ValueError:
            page.line = number
            _stamped_text(page, line, end)
            continue
        if "_" in said or value - value != 0 or (odd and _is_odd(said)):
            page.line = number
            value = _number(said.strip(" \t"), line)
        values.append(value)
        keys.append(line[:end])


def _openmetrics(page: Exposition, lines: list[str]) -> None:
    for number, line in enumerate(lines, start=1):
        page.line = number
        if line == "# EOF":
            if lines[number:] not in ([], [""]):
                raise ValueError("unexpected data after # EOF")
            return
        if number < len(lines):
            _openmetrics_line(page, line)
    raise ValueError("data does not end with # EOF")


def _is_odd(said: str) -> bool:
    return not said.isascii() or any(control in said for control in _CONTROLS)


def _end_of_name(line: str) -> int:
    words = line.split(None, 1)
    return line.find(words[0]) + len(words[0]) if words else len(line)


def _stamped_text(page: Exposition, line: str, end: int) -> None:
    parts = [part for part in re.split(r"[ \t]+", line[end:]) if part]
    if not parts:
        raise ValueError(f'expected value after metric, got "\\n" ("LINEBREAK") while parsing: {line[:80]!r}')
    parse_series(line[:end])
    value = _number(parts[0], line)
    if len(parts) == 1 or not (parts[1].isascii() and parts[1].isdigit()):
        got = "".join(parts[1:2])[:20]
        raise ValueError(f'expected timestamp or new record, got "{got}" ("INVALID") while parsing: {line[:80]!r}')
    if len(parts) > 2:
        raise ValueError(f'expected next entry after timestamp, got "{parts[2][:20]}" while parsing: {line[:80]!r}')
    if int(parts[1]) > _LONGEST_MS:
        raise ValueError(f'strconv.ParseInt: parsing "{parts[1][:40]}": value out of range')
    page.stamped.append((line[:end], value, int(parts[1])))


def _number(text: str, line: str) -> float:
    try:
        return number_of(text)
    except ValueError as error:
        raise ValueError(f"{error} while parsing: {line[:80]!r}") from None


def _openmetrics_line(page: Exposition, line: str) -> None:
    if line[:1] == "#":
        page.note(openmetrics_comment(line))
        return
    if " # {" in line:
        line = _without_exemplar(line)
    end = line.rfind("}") + 1 or line.find(" ")
    said = line[end:]
    if end <= 0 or said[:1] != " ":
        raise ValueError(f"expected value after metric while parsing: {line[:80]!r}")
    value, _, at = said[1:].partition(" ")
    read = _number(value, line)
    if not at:
        if said[-1] == " ":
            raise ValueError(f"expected timestamp or new record while parsing: {line[:80]!r}")
        page.values.append(read)
        page.keys.append(line[:end])
        return
    seconds = _number(at, line)
    if seconds - seconds != 0:
        raise ValueError(f"invalid timestamp {at[:20]}")
    page.stamped.append((line[:end], read, int(seconds * 1000)))


def _without_exemplar(line: str) -> str:
    """Cuts ` # {…} …` off, unless it stands inside a label value. Raises ValueError where it is no exemplar."""
    position = line.find(" # {")
    while position >= 0:
        quotes = line[:position].replace("\\\\", "").replace('\\"', "").count('"')
        if quotes % 2 == 0:
            match = _EXEMPLAR.fullmatch(line, position + 3)
            if match is None:
                raise ValueError(f"bad exemplar while parsing: {line[:80]!r}")
            parse_series(f"x{{{match[1]}}}", openmetrics=True)
            _number(match[2], line)
            at = _number(match[3], line) if match[3] is not None else 0.0
            if at - at != 0:
                raise ValueError(f"invalid exemplar timestamp {match[3]}")
            return line[:position]
        position = line.find(" # {", position + 1)
    return line
