"""What is posted to API v2: any bytes are taken or refused with 4xx, and the refusals read as Alertmanager's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from opsctl.api.alertmanager_bodies import Refusal, read_alerts, read_silence

_TEXT = some.text(alphabet=some.characters(exclude_categories=["Cs"]), max_size=8)
_LEAF = (
    some.none() | some.booleans() | some.integers(-(2**60), 2**60) | some.floats(allow_nan=False, allow_infinity=False)
)
_KEYS = some.sampled_from(
    ["labels", "annotations", "startsAt", "endsAt", "generatorURL", "matchers", "name", "value", "isRegex", "isEqual",
     "id", "comment", "createdBy"]
)  # fmt: skip
_TIMES = some.sampled_from(
    ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59Z", "2026-01-01", "x"]
)
_JSON = some.recursive(
    _LEAF | _TEXT | _TIMES,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(_KEYS | _TEXT, inner, max_size=6),
    max_leaves=20,
)


def refusal_of(read: Callable[[bytes], object], body: bytes) -> Exception | None:
    """What reading raises, of what it may raise."""
    try:
        read(body)
    except (Refusal, ValueError) as error:
        return error
    return None


@given(some.binary(max_size=60) | _JSON.map(orjson.dumps) | some.lists(_JSON, max_size=3).map(orjson.dumps))
def test_any_bytes_are_alerts_or_refused(body: bytes) -> None:
    refusal = refusal_of(read_alerts, body)
    assert refusal is None or (isinstance(refusal, Refusal) and 400 <= refusal.status < 500 and refusal.message)


@given(some.binary(max_size=60) | some.dictionaries(_KEYS, _JSON, max_size=8).map(orjson.dumps))
def test_any_bytes_are_a_silence_or_refused(body: bytes) -> None:
    refusal = refusal_of(read_silence, body)
    if isinstance(refusal, Refusal):
        assert 400 <= refusal.status < 500
    else:
        assert refusal is None or str(refusal).startswith("invalid silence: invalid label matcher")


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (b"", 422, 602, "alerts in body is required"),
        (b"[{}]", 422, 602, "0.labels in body is required"),
        (b'[{"labels":{"a":"b"}},{"labels":null}]', 422, 602, "1.labels in body is required"),
        (b"x", 400, 400, "invalid character 'x' looking for beginning of value"),
        (b"[", 400, 400, "unexpected EOF"),
        (b"{}", 400, 400, "json: cannot unmarshal object into Go value of type models.PostableAlerts"),
        (b'[{"labels":{"a":1}}]', 400, 400, "json: cannot unmarshal number into Go struct field Alert.labels of type string"),
        (b'[{"labels":{"a":"b"},"startsAt":"x"}]', 400, 400, 'time "x" as "2006-01-02": cannot parse "x" as "2006"'),
        (b'[{"labels":{"a":"b"},"annotations":{"x":1}}]', 400, 400, "Go struct field .annotations of type string"),
        (b'[{"labels":{"a":"b"},"endsAt":1}]', 400, 400, "Go struct field .endsAt of type string"),
        (b'[{"labels":{"a":"b"},"generatorURL":"::x"}]', 422, 601, '0.generatorURL in body must be of type uri: "::x"'),
    ],
)  # fmt: skip
def test_alerts_are_refused_in_its_words(body: bytes, status: int, code: int, message: str) -> None:
    with pytest.raises(Refusal) as found:
        read_alerts(body)
    assert (found.value.status, found.value.code) == (status, code)
    assert found.value.message.endswith(message)


def test_a_time_just_after_gos_zero_is_a_time() -> None:
    (made,) = read_alerts(b'[{"labels":{"a":"b"},"startsAt":"0001-01-01T00:00:01Z","endsAt":"0001-01-01T00:00:00Z"}]')
    assert (made.starts_at, made.ends_at) == (-62_135_596_799.0, None)


def test_null_is_an_empty_text_and_annotations_may_be_missing() -> None:
    (made,) = read_alerts(b'[{"labels":{"a":"b","c":null},"annotations":null}]')
    assert (made.labels.plain, made.annotations.plain) == ({"a": "b"}, {})


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"comment": None}, 422, "comment in body is required"),
        ({"matchers": None}, 422, "matchers in body is required"),
        (
            {"annotations": []},
            400,
            "cannot unmarshal array into Go struct field Silence.annotations of type models.LabelSet",
        ),
        (
            {"matchers": "x"},
            400,
            "cannot unmarshal string into Go struct field Silence.matchers of type models.Matchers",
        ),
        ({"matchers": []}, 422, "matchers in body should have at least 1 items"),
        ({"matchers": [{"name": "a", "value": "b"}]}, 422, "matchers.0.isRegex in body is required"),
        ({"matchers": [{"name": "a", "value": "b", "isRegex": "x"}]}, 400, "Matcher.matchers.isRegex of type bool"),
        ({"startsAt": 1}, 400, "cannot unmarshal number into Go struct field Silence.startsAt of type string"),
    ],
)
def test_silences_are_refused_in_its_words(change: dict[str, Any], status: int, message: str) -> None:
    good = {"matchers": [{"name": "a", "value": "b", "isRegex": False}], "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2026-01-02T00:00:00", "createdBy": "", "comment": "", "annotations": {"ticket": "7"}}  # fmt: skip
    made = read_silence(orjson.dumps(good))
    assert (made.ends_at - made.starts_at, made.annotations) == (86_400.0, {"ticket": "7"})
    with pytest.raises(Refusal) as found:
        read_silence(orjson.dumps({**good, **change}))
    assert found.value.status == status
    assert found.value.message.endswith(message)
