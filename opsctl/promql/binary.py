"""Binary operators: values, comparisons, and how two vectors meet (on, ignoring, group_left, set operators)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from opsctl.model.labelrows import LabelRows, nameless
from opsctl.model.labels import METRIC_NAME, Labels, quote
from opsctl.promql.errors import PromqlError
from opsctl.promql.frame import Frame, concatenate, empty
from opsctl.promql.syntax import SETS, Matching
from opsctl.promql.values import B, F, I

Operation = Callable[[F, F], F]


def _modulo(left: F, right: F) -> F:
    """Go's math.Mod: the sign of the dividend."""
    made: F = np.fmod(left, right)
    return made


ARITHMETIC: dict[str, Operation] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": _modulo,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISON: dict[str, Callable[[F, F], B]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}
_LEGACY = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")


def scalar_scalar(op: str, left: F, right: F) -> F:
    """Two scalars over all steps; a comparison gives 0 or 1."""
    with np.errstate(all="ignore"):
        if op in COMPARISON:
            return COMPARISON[op](left, right).astype(np.float64)
        return ARITHMETIC[op](left, right)


def vector_scalar(op: str, frame: Frame, scalar: F, swapped: bool, return_bool: bool) -> Frame:
    """A vector and a scalar; `swapped`: the scalar stands on the left."""
    other = np.broadcast_to(scalar, frame.values.shape)
    left, right = (other, frame.values) if swapped else (frame.values, other)
    with np.errstate(all="ignore"):
        if op in ARITHMETIC:
            return frame.with_values(ARITHMETIC[op](left, right)).without_name()
        holds = COMPARISON[op](left, right)
    if return_bool:
        return frame.with_values(holds.astype(np.float64)).without_name()
    return frame.with_values(frame.values, frame.present & holds).compact()


def vector_vector(
    op: str, left: Frame, right: Frame, matching: Matching, return_bool: bool, check: Callable[[int], None]
) -> Frame:
    """Two vectors; `check` refuses an array of too many values. Raises PromqlError where Prometheus does."""
    if op in SETS:
        return _set(op, left, right, matching)
    swapped = matching.card == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    if not len(many.labels) or not len(one.labels):
        return empty(left.steps)
    drop_name = op in ARITHMETIC or return_bool
    members = _members(one.rows_of_labels, matching)
    _refuse_several(one, many, members, swapped)
    check(members.pairs(_keys(many.rows_of_labels, matching)) * left.steps if members.several else 0)
    pairs = _pairs(many.rows_of_labels, one.rows_of_labels, matching, drop_name)
    if not len(pairs.rows):
        return empty(left.steps)
    many, mate = many.rows(pairs.rows), one.rows(pairs.mates)
    values, present = _apply(op, many, mate, swapped, return_bool)
    _refuse_meeting(pairs.groups, many.present & mate.present, matching)
    return Frame(many.labels, values, present).compact_to(pairs.labels)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Row `rows[i]` of the "many" side meets row `mates[i]` of the "one" side; the result is labelled `labels[i]`.

    `groups`: rows with the same number may not be there in the same step (None: all may).
    """

    one: LabelRows
    rows: I
    mates: I
    labels: LabelRows
    groups: I | None


@dataclass(frozen=True, eq=False)
class Members:
    """The rows of each group of the "one" side; `several`: the groups with more rows than one."""

    rows: Mapping[Labels, Sequence[int]]
    several: Mapping[Labels, Sequence[int]]

    def pairs(self, keys: Sequence[Labels]) -> int:
        """How many pairs rows with these keys make."""
        return sum(len(self.rows.get(key, ())) for key in keys)


def _members(one: LabelRows, matching: Matching) -> Members:
    def make() -> Members:
        found: dict[Labels, list[int]] = {}
        for index, key in enumerate(_keys(one, matching)):
            found.setdefault(key, []).append(index)
        return Members(found, {key: rows for key, rows in found.items() if len(rows) > 1})

    return one.memo(("members", matching.on, matching.labels), make)


def _pairs(many: LabelRows, one: LabelRows, matching: Matching, drop_name: bool) -> Pairs:
    # what is remembered holds `one`, so that no other rows can have its id
    return many.memo(("pairs", id(one), matching, drop_name), lambda: _paired(many, one, matching, drop_name))


def _paired(many: LabelRows, one: LabelRows, matching: Matching, drop_name: bool) -> Pairs:
    many_keys, members = _keys(many, matching), _members(one, matching).rows
    met = [(i, j) for i, key in enumerate(many_keys) for j in members.get(key, ())]
    rows, mates = (np.array([m[side] for m in met], dtype=np.int64) for side in (0, 1))
    labels = LabelRows(_result(many[i], one[j], matching, drop_name) for i, j in met)
    keys: list[Hashable] = [many_keys[i] for i, _ in met]
    if matching.card != "one-to-one":
        keys = list(zip(keys, labels, strict=True))
    return Pairs(one, rows, mates, labels, _numbered(keys))


def _numbered(keys: Sequence[Hashable]) -> I | None:
    """A number for each key, equal ones alike; None where no two are equal."""
    first: dict[Hashable, int] = {}
    places = np.array([first.setdefault(key, len(first)) for key in keys], dtype=np.int64)
    return places if len(first) < len(keys) else None


def _apply(op: str, many: Frame, mate: Frame, swapped: bool, return_bool: bool) -> tuple[F, B]:
    left, right = (mate.values, many.values) if swapped else (many.values, mate.values)
    present = many.present & mate.present
    with np.errstate(all="ignore"):
        if op in ARITHMETIC:
            return ARITHMETIC[op](left, right), present
        holds = COMPARISON[op](left, right)
    if return_bool:
        return holds.astype(np.float64), present
    return left, present & holds


def _keys(labels: LabelRows, matching: Matching) -> LabelRows:
    if matching.on:
        return labels.made(("on", matching.labels), lambda each: each.only(matching.labels))
    dropped = (*matching.labels, METRIC_NAME)
    return labels.made(("ignoring", dropped), lambda each: each.without(dropped))


def _refuse_several(one: Frame, many: Frame, members: Members, swapped: bool) -> None:
    """Over a range a group of the "one" side may have several rows, but only one in a step."""
    asked = np.logical_or.reduce(many.present, axis=0) if members.several else None
    for key, rows in members.several.items():
        wrong = np.flatnonzero((one.present[rows].sum(axis=0) > 1) & asked)
        if len(wrong):
            raise PromqlError(_duplicate(key, [one.labels[r] for r in rows if one.present[r, wrong[0]]], swapped))


def _duplicate(key: Labels, rows: Sequence[Labels], swapped: bool) -> str:
    side = "left" if swapped else "right"
    first, second = sorted(rows)[:2]
    return (
        f"found duplicate series for the match group {_set_text(key)} on the {side} hand-side of the operation: "
        f"[{_set_text(first)}, {_set_text(second)}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _set_text(labels: Labels) -> str:
    named = ((name if _LEGACY.fullmatch(name) else quote(name), value) for name, value in labels.pairs)
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in named) + "}"


def _refuse_meeting(groups: I | None, present: B, matching: Matching) -> None:
    if groups is None:
        return
    count = np.zeros((int(groups.max()) + 1, present.shape[1]), dtype=np.int64)
    np.add.at(count, groups, present.astype(np.int64))
    if (count > 1).any():
        if matching.card == "one-to-one":
            raise PromqlError(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            )
        raise PromqlError("multiple matches for labels: grouping labels must ensure unique matches")


def _result(many: Labels, one: Labels, matching: Matching, drop_name: bool) -> Labels:
    labels = nameless(many) if drop_name else many
    if matching.card == "one-to-one":
        return labels.only(matching.labels) if matching.on else labels.without(matching.labels)
    if matching.include:
        return labels.merged({name: one.get_or_empty(name) for name in matching.include})
    return labels


def _set(op: str, left: Frame, right: Frame, matching: Matching) -> Frame:
    if op == "or":
        held = _held(left, right, matching)
        rest = right.with_values(right.values, right.present & ~held)
        both = concatenate([left, rest], left.steps).compact()
        return both.relabelled(both.labels)
    held = _held(right, left, matching)
    present = left.present & (held if op == "and" else ~held)
    return left.with_values(left.values, present).compact()


def _held(frame: Frame, wanted: Frame, matching: Matching) -> B:
    """For each row of `wanted` and each step: whether `frame` has any row of that row's group there."""
    index, places, count = _places(frame.rows_of_labels, wanted.rows_of_labels, matching)
    held = np.zeros((count + 1, frame.steps), dtype=bool)
    np.logical_or.at(held, index, frame.present)
    found: B = held[places]
    return found


def _places(rows: LabelRows, wanted: LabelRows, matching: Matching) -> tuple[I, I, int]:
    """The group of each of `rows`, the same of each of `wanted` (one past the last where there is none), and how many."""

    def make() -> tuple[LabelRows, I, I, int]:
        known: dict[Labels, int] = {}
        index = np.array([known.setdefault(key, len(known)) for key in _keys(rows, matching)], dtype=np.int64)
        places = np.array([known.get(key, len(known)) for key in _keys(wanted, matching)], dtype=np.int64)
        return wanted, index, places, len(known)

    return rows.memo(("places", id(wanted), matching), make)[1:]  # it holds `wanted`: its id stays its own
