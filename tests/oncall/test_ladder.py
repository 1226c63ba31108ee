"""The escalation ladder: each step once, in order, until somebody acknowledges."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from opsctl.oncall.ladder import (
    ACKNOWLEDGED,
    CLIMBING,
    EXHAUSTED,
    RESOLVED,
    Ladder,
    Page,
    Policy,
    Step,
    climb,
    told,
)

POLICY = Policy("p", (Step(("a",), 300), Step(("b", "a", "b"), 60, ("sms",)), Step(("everyone",), 60)), repeat=1)
START = Ladder(group_key="g", integration="i", policy="p", began=0, next_at=0, fingerprints=("f",))


class Names:
    def of(self, word: str, at: float) -> tuple[str, ...]:
        return ("a", "b", "c") if word == "everyone" else (word,)


def test_each_step_pages_once_and_waits() -> None:
    ladder, pages = climb(START, POLICY, Names(), ("wecom",), 0)
    assert pages == [Page("a", ("wecom",), 0, 0)]
    assert (ladder.step, ladder.next_at) == (1, 300)
    assert climb(ladder, POLICY, Names(), ("wecom",), 299.9) == (ladder, [])
    ladder, pages = climb(ladder, POLICY, Names(), ("wecom",), 301)
    assert pages == [Page("b", ("sms",), 0, 1), Page("a", ("sms",), 0, 1)]
    assert ladder.next_at == 361


@given(st.lists(st.floats(0, 200), max_size=60))
def test_it_ends_after_the_last_lap_and_no_step_comes_twice(pauses: list[float]) -> None:
    ladder, now, seen = START, 0.0, []
    for pause in [*pauses, *[300.0] * 8]:
        now += pause
        ladder, pages = climb(ladder, POLICY, Names(), (), now)
        seen += [(p.lap, p.step, p.person) for p in pages]
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, key=lambda s: s[:2])
    assert ladder.status == EXHAUSTED
    assert {s[:2] for s in seen} == {(lap, step) for lap in (0, 1) for step in (0, 1, 2)}


def test_what_happens_to_a_ladder_when_its_group_changes() -> None:
    assert told(None, ["f"], [], "", 0) == ("start", None)
    assert told(None, ["f"], ["f"], "陈", 0) == ("keep", None)
    what, ended = told(START, ["f"], ["f"], "陈", 5)
    assert what == "end"
    assert ended is not None
    assert (ended.status, ended.ended_why) == (ACKNOWLEDGED, "acknowledged by 陈")
    assert told(ended, ["f"], [], "", 6) == ("start", None)  # the acknowledgement has run out
    assert told(ended, ["f", "g"], ["f"], "陈", 6) == ("start", None)  # a new alert that nobody has
    what, over = told(START, [], [], "", 7)
    assert over is not None
    assert (what, over.status) == ("end", RESOLVED)
    what, kept = told(START, ["f", "g"], ["f"], "陈", 8)
    assert kept is not None
    assert (what, kept.status, kept.fingerprints) == ("keep", CLIMBING, ("f", "g"))
    spent = replace(START, status=EXHAUSTED)
    assert told(spent, ["f"], [], "", 9)[0] == "keep"
    assert told(spent, ["f", "new"], [], "", 9)[0] == "start"
