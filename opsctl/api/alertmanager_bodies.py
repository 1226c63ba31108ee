"""What is posted to API v2, read and refused as Alertmanager's generated server does. Source: go-openapi/runtime."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from opsctl.alerts.intake import Posted
from opsctl.alerts.silence import Silence, matcher_of
from opsctl.api.alertmanager_asked import go_error
from opsctl.model.labels import Labels

_KINDS = {
    type(None): "null",
    dict: "object",
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "bool",
}
_ALERT = (
    'struct { Annotations models.LabelSet "json:\\"annotations,omitempty\\""; EndsAt strfmt.DateTime '
    '"json:\\"endsAt,omitempty\\""; StartsAt strfmt.DateTime "json:\\"startsAt,omitempty\\"" }'
)
_SILENCE = 'struct { ID string "json:\\"id,omitempty\\"" }'
_SECONDS_LEAST, _SECONDS_MOST = -62_135_596_800.0, 253_402_300_799.0  # the years 1 to 9999, as Go writes them


class Refusal(Exception):
    """An answer {code, message}: `status` is HTTP's, `code` the validator's."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def read_alerts(body: bytes) -> list[Posted]:
    """The alerts of a POST body. Raises Refusal."""
    made = _parsed(body, "alerts")
    if made is None:
        return []
    if not isinstance(made, list):
        raise _unfit("alerts", made, "value of type models.PostableAlerts")
    return [_alert(each, number) for number, each in enumerate(made)]


def _alert(made: Any, number: int) -> Posted:
    if not isinstance(made, dict):
        raise _unfit("alerts", made, f"value of type {_ALERT}")
    annotations = _strings(made.get("annotations"), "alerts", ".annotations") or {}
    starts, ends = (_time(made.get(name), "alerts", f".{name}") for name in ("startsAt", "endsAt"))
    labels = _strings(made.get("labels"), "alerts", "Alert.labels")
    url = made.get("generatorURL") or ""
    if not isinstance(url, str):
        raise _unfit("alerts", url, "struct field Alert.generatorURL of type strfmt.URI")
    if labels is None:
        raise _missing(f"{number}.labels")
    if url and not _is_uri(url):
        raise Refusal(422, 601, f"{number}.generatorURL in body must be of type uri: {_quoted(url)}")
    return Posted(Labels(labels), Labels(annotations), starts, ends, url)


def read_silence(body: bytes) -> Silence:
    """A posted silence; a time that is Go's zero is 0. Raises Refusal, ValueError."""
    made = _parsed(body, "silence")
    made = {} if made is None else made
    if not isinstance(made, dict):
        raise _unfit("silence", made, f"value of type {_SILENCE}")
    for name, field in (("id", ".id"), ("comment", "Silence.comment"), ("createdBy", "Silence.createdBy")):
        if made.get(name) is not None and not isinstance(made[name], str):
            raise _unfit("silence", made[name], f"struct field {field} of type string")
    times = {name: _time(made.get(name), "silence", f"Silence.{name}") for name in ("startsAt", "endsAt")}
    matchers = made.get("matchers")
    annotations = _strings(made.get("annotations"), "silence", "Silence.annotations") or {}
    if matchers is not None:
        _check_types(matchers)
    for name in ("comment", "createdBy", "endsAt", "matchers", "startsAt"):
        if made.get(name) is None:
            raise _missing(name)
    assert matchers is not None
    if not matchers:
        raise Refusal(422, 612, "matchers in body should have at least 1 items")
    for number, each in enumerate(matchers):
        for name in ("isRegex", "name", "value"):
            if each.get(name) is None:
                raise _missing(f"matchers.{number}.{name}")
    return Silence(
        id=made.get("id") or "", matchers=tuple(_matcher(m, n) for n, m in enumerate(matchers)),
        starts_at=times["startsAt"] or 0.0, ends_at=times["endsAt"] or 0.0, updated_at=0.0,
        created_by=made["createdBy"], comment=made["comment"], annotations=annotations,
    )  # fmt: skip


def _check_types(matchers: Any) -> None:
    if not isinstance(matchers, list):
        raise _unfit("silence", matchers, "struct field Silence.matchers of type models.Matchers")
    for each in matchers:
        if not isinstance(each, dict):
            raise _unfit("silence", each, "struct field Silence.matchers of type models.Matcher")
        for name, kind in (("name", str), ("value", str), ("isRegex", bool), ("isEqual", bool)):
            if each.get(name) is not None and not isinstance(each[name], kind):
                kind_name = "bool" if kind is bool else "string"
                raise _unfit("silence", each[name], f"struct field Matcher.matchers.{name} of type {kind_name}")


def _matcher(made: dict[str, Any], number: int) -> Any:
    try:
        return matcher_of(made)
    except ValueError as error:
        why = f"invalid regular expression {_quoted(made['value'])}: {go_error(error)}"
        raise ValueError(f"invalid silence: invalid label matcher {number} in set 0: {why}") from error


def _parsed(body: bytes, name: str) -> Any:
    if not body:
        raise _missing(name)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if error.pos >= len(error.doc):
            raise _unreadable(name, "unexpected EOF") from error
        raise _unreadable(name, f"invalid character {_rune(error)} looking for beginning of value") from error


def _rune(error: orjson.JSONDecodeError) -> str:
    return repr(error.doc[error.pos]) if isinstance(error.doc, str) else repr(chr(error.doc[error.pos]))


def _strings(made: Any, name: str, field: str) -> dict[str, str] | None:
    """A label set; null in the place of a text is ''."""
    if made is None:
        return None
    if not isinstance(made, dict):
        raise _unfit(name, made, f"struct field {field} of type models.LabelSet")
    for value in made.values():
        if value is not None and not isinstance(value, str):
            raise _unfit(name, value, f"struct field {field} of type string")
    return {key: value or "" for key, value in made.items()}


def _time(made: Any, name: str, field: str) -> float | None:
    """RFC 3339 as epoch seconds (UTC where no zone is given); None for a missing or Go's zero time."""
    if made is None or made == "" or (isinstance(made, str) and made.startswith("0001-01-01T00:00:00")):
        return None
    if not isinstance(made, str):
        raise _unfit(name, made, f"struct field {field} of type string")
    try:
        at = datetime.fromisoformat(made)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        if not _SECONDS_LEAST < seconds < _SECONDS_MOST:
            raise ValueError("out of range")
    except (ValueError, OverflowError) as error:
        text = _quoted(made)
        raise _unreadable(name, f'parsing time {text} as "2006-01-02": cannot parse {text} as "2006"') from error
    return seconds


def _is_uri(text: str) -> bool:
    """Source: Go's url.ParseRequestURI: absolute, or a path from the root."""
    try:
        return text.startswith("/") or bool(urlsplit(text).scheme)
    except ValueError:
        return False


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _missing(name: str) -> Refusal:
    return Refusal(422, 602, f"{name} in body is required")


def _unreadable(name: str, why: str) -> Refusal:
    return Refusal(400, 400, f'parsing {name} body from "" failed, because {why}')


def _unfit(name: str, made: Any, wanted: str) -> Refusal:
    return _unreadable(name, f"json: cannot unmarshal {_KINDS.get(type(made), 'value')} into Go {wanted}")
