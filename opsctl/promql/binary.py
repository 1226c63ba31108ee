"""Binary operators: values, comparisons, and how two vectors meet (on, ignoring, group_left, set operators)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from opsctl.model.labels import METRIC_NAME, Labels, quote
from opsctl.promql.errors import PromqlError
from opsctl.promql.frame import Frame, concatenate, empty, nameless
from opsctl.promql.syntax import Matching
from opsctl.promql.values import B, F

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
SETS = ("and", "or", "unless")


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


def vector_vector(op: str, left: Frame, right: Frame, matching: Matching, return_bool: bool) -> Frame:
    """Two vectors. Raises PromqlError where Prometheus refuses to match them."""
    if op in SETS:
        return _set(op, left, right, matching)
    swapped = matching.card == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    if not len(many.labels) or not len(one.labels):
        return empty(left.steps)
    many_keys, one_keys = _keys(many.labels, matching), _keys(one.labels, matching)
    members = _members(one, one_keys, many, swapped)
    met = [(i, j) for i, key in enumerate(many_keys) for j in members.get(key, ())]
    if not met:
        return empty(left.steps)
    rows, mates = [m[0] for m in met], [m[1] for m in met]
    many, mate = many.rows(rows), one.rows(mates)
    values, present = _apply(op, many, mate, swapped, return_bool)
    drop_name = op in ARITHMETIC or return_bool
    labels = [_result(a, b, matching, drop_name) for a, b in zip(many.labels, mate.labels, strict=True)]
    groups = [many_keys[i] for i in rows] if matching.card == "one-to-one" else labels
    _refuse_meeting(groups, many.present & mate.present, matching)
    return Frame(many.labels, values, present).compact_to(labels)


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


def _keys(labels: Sequence[Labels], matching: Matching) -> list[Labels]:
    if matching.on:
        return [each.only(matching.labels) for each in labels]
    dropped = (*matching.labels, METRIC_NAME)
    return [each.without(dropped) for each in labels]


def _members(one: Frame, keys: list[Labels], many: Frame, swapped: bool) -> dict[Labels, list[int]]:
    """The rows of the "one" side by group: there may be several over a range, but only one in a step."""
    members: dict[Labels, list[int]] = {}
    for index, key in enumerate(keys):
        members.setdefault(key, []).append(index)
    asked = np.logical_or.reduce(many.present, axis=0)
    for key, rows in members.items():
        if len(rows) > 1 and ((one.present[rows].sum(axis=0) > 1) & asked).any():
            raise PromqlError(_duplicate(key, [one.labels[r] for r in rows], swapped))
    return members


def _duplicate(key: Labels, rows: Sequence[Labels], swapped: bool) -> str:
    side = "left" if swapped else "right"
    first, second = sorted(rows)[:2]
    return (
        f"found duplicate series for the match group {_set_text(key)} on the {side} hand-side of the operation: "
        f"[{_set_text(first)}, {_set_text(second)}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _set_text(labels: Labels) -> str:
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"


def _refuse_meeting(groups: Sequence[Labels], present: B, matching: Matching) -> None:
    if len(set(groups)) == len(groups):
        return
    first: dict[Labels, int] = {}
    places = np.array([first.setdefault(g, len(first)) for g in groups])
    count = np.zeros((len(first), present.shape[1]), dtype=np.int64)
    np.add.at(count, places, present.astype(np.int64))
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
    left_keys, right_keys = _keys(left.labels, matching), _keys(right.labels, matching)
    if op == "or":
        held = _held(left, left_keys, right_keys)
        rest = right.with_values(right.values, right.present & ~held)
        both = concatenate([left, rest], left.steps).compact()
        return both.relabelled(list(both.labels))
    held = _held(right, right_keys, left_keys)
    present = left.present & (held if op == "and" else ~held)
    return left.with_values(left.values, present).compact()


def _held(frame: Frame, keys: Sequence[Labels], wanted: Sequence[Labels]) -> B:
    """For each wanted key and step: whether the frame has any row of that key there."""
    places: dict[Labels, int] = {}
    index = np.array([places.setdefault(key, len(places)) for key in keys], dtype=np.int64)
    held = np.zeros((len(places) + 1, frame.steps), dtype=bool)
    np.logical_or.at(held, index, frame.present)
    found: B = held[[places.get(key, len(places)) for key in wanted]]
    return found
