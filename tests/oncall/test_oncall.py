"""People, acknowledgements, signed links."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.core.db import Database
from opsctl.core.errors import DocumentError, Forbidden, NotFound
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from opsctl.oncall.acks import SCHEMA, Acks
from opsctl.oncall.links import Link, Links, load_key
from opsctl.oncall.roster import load_oncall


def alert(ends: float | None = None) -> Alert:
    return Alert(labels=Labels({"alertname": "A"}), annotations=Labels(), starts_at=0, ends_at=ends)


def test_document(tmp_path: Path) -> None:
    file = tmp_path / "oncall.yml"
    file.write_text("ack_timeout: 30m\npeople:\n  - {id: a, name: 甲, mobile: 13800000001}\n", encoding="utf-8")
    made = load_oncall(file)
    assert made.ack_timeout == 1800
    assert made.people[0].mobile == "13800000001"
    assert load_oncall(None).people == ()
    file.write_text("people:\n  - {id: a, name: b}\n  - {id: c, name: d, nmae: e}\n")
    with pytest.raises(DocumentError, match="did you mean 'name'"):
        load_oncall(file)
    file.write_text("people:\n  - {id: a, name: b}\n  - {id: a, name: c}\n")
    with pytest.raises(DocumentError, match=r"oncall.yml:3"):
        load_oncall(file)


def test_acks_end_by_time_resolve_and_hand(tmp_path: Path) -> None:
    acks, one = Acks(Database(tmp_path / "a.db", SCHEMA)), alert()
    acks.give([one.fingerprint], "甲", "cli", "", 100, 60)
    standing = acks.of(one, 159)
    assert standing is not None
    assert standing.who == "甲"
    assert acks.of(one, 160) is None
    assert acks.of(alert(ends=120), 130) is None
    assert acks.lapsed(160) == [one.fingerprint]
    again = Acks(Database(tmp_path / "a.db", SCHEMA))
    assert again.of(one, 110) is not None
    again.give([one.fingerprint], "乙", "钉钉群", "", 111, 60)
    assert [a.who for a in again.standing()] == ["乙"]
    again.take_back(one.fingerprint, 112)
    assert again.of(one, 113) is None
    with pytest.raises(NotFound):
        again.take_back(one.fingerprint, 114)


def test_links_are_signed_and_their_key_stays(tmp_path: Path) -> None:
    key = load_key(tmp_path / "k")
    assert load_key(tmp_path / "k") == key
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    links = Links(key, "http://ops/")
    token = links.token(7, "wecom")
    assert links.url("ack", 7, "wecom").startswith("http://ops/links/ack/")
    assert links.read(token) == Link(7, "wecom")
    for forged in (token[:-2] + "xx", "", "a.b.c", Links(b"other", "").token(7, "wecom"), links.cookie("7")):
        with pytest.raises(Forbidden):
            links.read(forged)
    assert links.person(links.cookie("甲")) == "甲"
    assert links.person(token) == ""
