from __future__ import annotations

import contextlib
from dataclasses import field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.document import Duration, convert, document, parse
from opsctl.core.errors import DocumentError


@document
class Inner:
    address: str
    wait: Duration = 5.0


@document
class Outer:
    name: str
    inner: Inner
    many: tuple[Inner, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


def _load(text: str) -> Outer:
    return convert(parse(text, "x.yml"), Outer)


def _problems(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        _load(text)
    return [str(p) for p in caught.value.problems]


def test_a_right_document_is_loaded_with_durations_in_seconds() -> None:
    assert _load("name: a\ninner: {address: b, wait: 1m30s}\n") == Outer(name="a", inner=Inner(address="b", wait=90.0))


def test_words_that_old_yaml_took_for_booleans_and_times_stay_words() -> None:
    found = _load("name: on\ninner: {address: 12:30}\nlabels: {a: yes, b: no, c: 2026-01-01}\n")
    assert (found.name, found.inner.address) == ("on", "12:30")
    assert found.labels == {"a": "yes", "b": "no", "c": "2026-01-01"}


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_right_name() -> None:
    assert _problems("name: a\ninner:\n  address: b\n  wiat: 5s\n") == [
        "x.yml:4: inner.wiat: unknown key (did you mean 'wait'?)"
    ]


def test_every_mistake_is_named_with_its_own_line() -> None:
    found = _problems("inner:\n  address: b\nmany:\n  - address: c\n    wait: soon\n  - {}\n")
    assert any(p.startswith("x.yml:1: name: is required") for p in found)
    assert any(p.startswith("x.yml:5: many[0].wait: not a valid duration") for p in found)
    assert any(p.startswith("x.yml:6: many[1].address: is required") for p in found)


def test_a_key_that_stands_twice_is_refused_with_its_line() -> None:
    assert _problems("name: a\nname: b\n") == ["x.yml:2: the key 'name' stands here twice"]


def test_broken_yaml_is_refused_with_its_line() -> None:
    assert _problems("name: a\ninner: [\n")[0].startswith("x.yml:3:")


@given(st.text())
def test_no_text_does_anything_but_load_or_be_refused(text: str) -> None:
    with contextlib.suppress(DocumentError):
        _load(text)


@pytest.mark.parametrize("text", ["a: !!bool x", "a: !!int ''", "a: !!timestamp xx", "a: !!float ''"])
def test_a_value_that_is_not_what_its_tag_says_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        parse(text, "here.yml")
