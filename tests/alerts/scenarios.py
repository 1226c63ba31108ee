"""What is played to us and to Alertmanager side by side. Each scenario has a route and alerts of its own (label `sc`).

Times are seconds from the beginning. A flush comes at 1, 3, 5, 7 after the first alert (group_wait 1 s, group_interval
2 s), so things happen well in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FOREVER = 3600.0


@dataclass(frozen=True)
class Fire:
    """Posts one alert. Times are relative; None leaves the field out."""

    at: float
    labels: Mapping[str, str] = field(default_factory=dict)
    starts: float | None = 0.0
    ends: float | None = FOREVER
    notes: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True)
class Hush:
    """Posts a silence for the scenario's alerts; `drop` takes it back."""

    at: float
    ends: float
    matchers: Mapping[str, str] = field(default_factory=dict)
    drop: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """`route` and `hook` are keys of the route and the webhook; `more`: routes after it (each `continue`s to the next).

    `answers`: HTTP statuses that its hook gives first; `punctual`: whether arrivals are compared; `since`: the first
    0.x of Alertmanager that behaves so.
    """

    name: str
    acts: Sequence[Fire | Hush]
    route: Mapping[str, Any] = field(default_factory=dict)
    hooks: Sequence[Mapping[str, Any]] = ({},)
    more: Sequence[Mapping[str, Any]] = ()
    answers: Sequence[int] = ()
    punctual: bool = True
    since: int = 0


def over(at: float, ended: float, **labels: str) -> Fire:
    return Fire(at, labels, ends=ended)


A, B, C = {"alertname": "A"}, {"alertname": "A", "n": "b"}, {"alertname": "A", "n": "c"}
ALWAYS, NEVER = ["always"], ["never"]
ALL = (
    Scenario("one", [Fire(0, A)]),
    Scenario("resolved", [Fire(0, A), Fire(1.9, A, ends=1.8)]),
    Scenario("resolved_before_it_was_told", [Fire(0, A), Fire(0.5, A, ends=0.4)]),
    Scenario("runs_out", [Fire(0, A, ends=1.8)]),
    Scenario("timed_out", [Fire(0, A, ends=None), Fire(0, B)]),
    Scenario("old", [Fire(0, A, starts=-60)]),
    Scenario("earliest_start", [Fire(0, A, starts=-0.2), Fire(0.4, A, starts=-0.6)]),
    Scenario("latest_end", [Fire(0, A), Fire(1.6, A, 1, 1.5), Fire(1.9, A, 0.9, 1.8), Fire(2.1, A, 0.9, 1.2)]),
    Scenario("newest_notes", [Fire(0, A, notes={"s": "1"}), Fire(1.9, A, notes={"s": "2"})], {"repeat_interval": "1ms"}),
    Scenario("repeats", [Fire(0, A)], {"repeat_interval": "1ms"}),
    Scenario("repeats_after_3s", [Fire(0, A)], {"repeat_interval": "3s"}),
    Scenario("another_joins", [Fire(0, A), Fire(1.9, B)]),
    Scenario("two_join_later", [Fire(0, A), Fire(1.9, B), Fire(3.9, C)]),
    Scenario("one_of_two_resolves", [Fire(0, A), Fire(0, B), Fire(1.9, B, ends=1.8)]),
    Scenario("all_resolve_one_by_one", [Fire(0, A), Fire(0, B), Fire(1.9, B, ends=1.8), Fire(3.9, A, ends=3.8)]),
    Scenario("by_all", [Fire(0, A), Fire(0, B)], {"group_by": ["..."]}),
    Scenario("by_nothing", [Fire(0, A), Fire(0, {"alertname": "Z"})], {"group_by": []}, since=31),
    Scenario("old_one_joins", [Fire(0, A), Fire(0.4, B, starts=-60)], since=34),
    Scenario("old_one_begins", [Fire(0, A, starts=-60), Fire(0.4, B)]),
    Scenario("labelled", [Fire(0, A)], {"labels": {"team": "{{ .GroupLabels.alertname }}", "b": "{{ routeLabels `team` }}"}}, since=34),
    Scenario("fires_again", [Fire(0, A), Fire(1.9, A, ends=1.8), Fire(3.9, A)], {"repeat_interval": "1ms"}, since=34),
    Scenario("by_a_label_that_is_missing", [Fire(0, A), Fire(0, B)], {"group_by": ["alertname", "n"]}),
    Scenario("without_alertname", [Fire(0, {"x": "1"}), Fire(0, {"x": "2"})]),
    Scenario("at_once", [Fire(0.5, A)], {"group_wait": "0s"}),
    Scenario("goes_on", [Fire(0, A)], {"continue": True}, more=[{"group_by": ["sc"]}]),
    Scenario("goes_on_to_the_same", [Fire(0, A), Fire(0, B)], {"continue": True}, more=[{"matchers": ['n="b"']}]),
    Scenario(
        "children",
        [Fire(0, A), Fire(0, {**B, "severity": "critical"}), Fire(0, {**C, "severity": "info"})],
        {"routes": [{"match": {"severity": "critical"}, "group_wait": "400ms"},
                    {"match_re": {"severity": "in.*"}, "group_by": ["severity"]}]},
    ),
    Scenario("not_matching", [Fire(0, A), Fire(0, {**A, "team": "x1"})], {"matchers": ['team!~"x.*"']}),
    Scenario("matching_lists", [Fire(0, A), Fire(0, B), Fire(0, C)], {"matchers": ['n=~"b|c"', 'n!="c"']}),
    Scenario("resolve_unsent", [Fire(0, A), Fire(1.9, A, ends=1.8)], hooks=[{"send_resolved": False}]),
    Scenario(
        "resolve_unsent_but_logged",
        [Fire(0, A), Fire(0, B), Fire(1.9, B, ends=1.8), Fire(1.9, C), Fire(3.9, C, ends=3.8)],
        hooks=[{"send_resolved": False}, {"send_resolved": True}],
    ),
    Scenario("at_most_two", [Fire(0, {"alertname": "A", "n": str(n)}) for n in range(5)], hooks=[{"max_alerts": 2}]),
    Scenario("silenced", [Hush(0, FOREVER), Fire(0.3, A)]),
    Scenario("silence_ends", [Hush(0, 2.4), Fire(0.3, A)]),
    Scenario("silence_begins", [Fire(0, A), Fire(1.4, B), Hush(1.9, FOREVER, {"n": "b"})]),
    Scenario("silence_taken_back", [Hush(0, FOREVER, drop=2.3), Fire(0.3, A)]),
    Scenario("resolved_in_silence", [Fire(0, A), Hush(1.5, 3.9), Fire(1.9, A, ends=1.8)]),
    Scenario("silence_of_one", [Hush(0, FOREVER, {"n": "b"}), Fire(0.2, A), Fire(0.2, B)]),
    Scenario("inhibited", [Fire(0, {**A, "role": "source"}), Fire(0, {**B, "role": "target"})]),
    Scenario(
        "inhibited_until",
        [Fire(0, {**A, "role": "source"}), Fire(0, {**B, "role": "target"}), Fire(1.9, {**A, "role": "source"}, ends=1.8)],
    ),
    Scenario("inhibited_later", [Fire(0, {**B, "role": "target"}), Fire(1.9, {**A, "role": "source"})]),
    Scenario("not_inhibited", [Fire(0, {**A, "role": "source", "host": "1"}), Fire(0, {**B, "role": "target", "host": "2"})]),
    Scenario("not_by_itself", [Fire(0, {**A, "role": "both"}), Fire(0, {**B, "role": "both"})]),
    Scenario("muted", [Fire(0, A)], {"mute_time_intervals": ALWAYS}),
    Scenario("not_muted", [Fire(0, A)], {"mute_time_intervals": NEVER}),
    Scenario("active", [Fire(0, A)], {"active_time_intervals": ALWAYS}),
    Scenario("inactive", [Fire(0, A)], {"active_time_intervals": NEVER, "mute_time_intervals": ALWAYS}),
    Scenario("text", [Fire(0, {**A, "v": "值 <&> \"q\" \\ \n\t"}, notes={"s": "中文 <b>&</b>"})]),
    Scenario("empty_label", [Fire(0, {**A, "gone": ""}), Fire(0, {**B, "instance": "2", "job": "j"}), Fire(0, {**C, "instance": "1", "job": "j"})]),
    Scenario("source_url", [Fire(0, A, url="http://prometheus.example.com/graph?g0.expr=up+%3D%3D+0&g0.tab=1")]),
    Scenario("refused_once", [Fire(0, A)], answers=[400]),
    Scenario("fails_twice", [Fire(0, A)], answers=[500, 503], punctual=False),
    Scenario("too_many_once", [Fire(0, A)], answers=[429]),
)  # fmt: skip
INHIBIT = [
    {"source_matchers": ['role=~"source|both"'], "target_matchers": ['role=~"target|both"'], "equal": ["sc", "host"]}
]
