"""The charts, in one hand: one strong colour, one quiet one, no clutter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from dashboards.api import Points
from dashboards.figures import Say, local

STRONG, QUIET, WARM, BAD = "#0f6e84", "#9fb3bb", "#e08e45", "#c8453b"
_TEXT = {"labelColor": "#6b7d86", "labelFontSize": 12}
_AXIS: dict[str, Any] = {"grid": False, "domain": False, "ticks": False, "title": None, **_TEXT}
_GRID: dict[str, Any] = {**_AXIS, "grid": True, "gridColor": "#e8eef0", "tickCount": 4}
_LEGEND: dict[str, Any] = {
    "orient": "top-left",
    "title": None,
    "symbolType": "stroke",
    "symbolOpacity": 1,
    "symbolStrokeWidth": 3,
    "symbolDash": [1, 0],
    "labelFontSize": 12,
}
_ROUND: dict[str, Any] = {"cornerRadiusTopLeft": 3, "cornerRadiusTopRight": 3}


def day_curve(today: Points, before: Points, start: float, before_start: float, say: Say, money: bool) -> alt.Chart:
    """Today's running total over the hours of the day, last week's same day behind it."""
    old, new = say("上周同日", "Same day last week"), say("今天", "Today")
    rows = [{"which": old, "hour": (at - before_start) / 3600, "value": _unit(v, money)} for at, v in before]
    rows += [{"which": new, "hour": (at - start) / 3600, "value": _unit(v, money)} for at, v in today]
    hours = alt.Axis(**_AXIS, values=[0, 4, 8, 12, 16, 20, 24], labelExpr="format(datum.value, '02') + ':00'")
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("hour:Q", axis=hours, scale=alt.Scale(domain=[0, 24], nice=False)),
        y=alt.Y("value:Q", axis=alt.Axis(**_GRID, format="~s" if money else ",.0f")),
        color=alt.Color(
            "which:N",
            scale=alt.Scale(domain=[new, old], range=[STRONG, QUIET]),
            legend=alt.Legend(**_LEGEND),
        ),
        tooltip=[
            alt.Tooltip("which:N", title=say("哪天", "Day")),
            alt.Tooltip("hour:Q", title=say("时", "Hour"), format=".1f"),
            alt.Tooltip("value:Q", title=say("累计", "Total"), format=",.0f"),
        ],
    )
    quiet = base.transform_filter(alt.datum.which == old).mark_line(strokeWidth=2, strokeDash=[5, 4])
    strong = base.transform_filter(alt.datum.which == new)
    return _sized([quiet, strong.mark_area(opacity=0.12, line=False), strong.mark_line(strokeWidth=3)], 270)


def trend(days: Points, say: Say, money: bool) -> alt.Chart:
    """A bar a day, today's so far lighter; over them the mean of the seven full days up to each."""
    values = [_unit(value, money) for _, value in days]
    names = [local(at).replace(hour=0, minute=0, second=0, microsecond=0) for at, _ in days]
    last = len(days) - 1
    rows = [
        {
            "day": day.isoformat(),
            "value": values[index],
            "partial": index == last,
            "mean": sum(values[index - 6 : index + 1]) / 7 if 6 <= index < last else None,
        }
        for index, day in enumerate(names)
    ]
    x = alt.Axis(**_AXIS, format="%m-%d", tickCount=8)
    y = alt.Axis(**_GRID, format="~s" if money else ",.0f")
    base = alt.Chart(_data(rows))
    bars = base.mark_bar(color=STRONG, cornerRadius=1).encode(
        x=alt.X("day:T", timeUnit="yearmonthdate", axis=x),
        y=alt.Y("value:Q", axis=y),
        opacity=alt.condition("datum.partial", alt.value(0.25), alt.value(0.6)),
        tooltip=[
            alt.Tooltip("day:T", title=say("日期", "Day"), format="%Y-%m-%d"),
            alt.Tooltip("value:Q", title=say("合计", "Total"), format=",.0f"),
        ],
    )
    line = base.transform_filter("isValid(datum.mean)").mark_line(color=WARM, strokeWidth=2.5, interpolate="monotone")
    return _sized([bars, line.encode(x=alt.X("day:T", timeUnit="yearmonthdate", bandPosition=0.5), y="mean:Q")], 270)


def weekly(weeks: Sequence[tuple[str, float | None]], colour: str, say: Say) -> alt.Chart:
    """A bar a week, in minutes; a week without incidents has none."""
    rows = [{"week": name, "minutes": None if v is None else v / 60} for name, v in weeks]
    base = alt.Chart(_data(rows)).encode(
        x=alt.X(
            "week:N",
            sort=None,
            scale=alt.Scale(domain=[name for name, _ in weeks]),
            axis=alt.Axis(**_AXIS, labelAngle=0),
        ),
        y=alt.Y("minutes:Q", axis=alt.Axis(**_GRID)),
        tooltip=[
            alt.Tooltip("week:N", title=say("周", "Week")),
            alt.Tooltip("minutes:Q", title=say("分钟", "Minutes"), format=".1f"),
        ],
    )
    bars = base.mark_bar(color=colour, opacity=0.8, size=24, **_ROUND)
    labels = base.transform_filter("isValid(datum.minutes)").mark_text(dy=-8, color="#42545c", fontSize=12)
    return _sized([bars, labels.encode(text=alt.Text("minutes:Q", format=".1f"))], 210)


def drills(found: Sequence[tuple[float, float, bool]], colour: str, say: Say) -> alt.Chart:
    """A point a drill, in seconds; red where it proved nothing."""
    rows = [{"at": local(at).isoformat(), "seconds": value, "ok": ok} for at, value, ok in found]
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("at:T", axis=alt.Axis(**_AXIS, format="%m-%d", tickCount=6)),
        y=alt.Y("seconds:Q", axis=alt.Axis(**_GRID), scale=alt.Scale(zero=True)),
        tooltip=[
            alt.Tooltip("at:T", title=say("时间", "At"), format="%Y-%m-%d %H:%M"),
            alt.Tooltip("seconds:Q", title=say("秒", "Seconds"), format=",.1f"),
        ],
    )
    points = base.mark_circle(size=80, opacity=1).encode(
        color=alt.condition("datum.ok", alt.value(colour), alt.value(BAD))
    )
    return _sized([base.mark_line(color=colour, opacity=0.35, strokeWidth=2), points], 210)


def _data(rows: list[dict[str, Any]]) -> alt.Data:
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def _sized(layers: Sequence[Any], height: int) -> alt.Chart:
    made: alt.Chart = alt.layer(*layers).properties(height=height).configure_view(strokeWidth=0)
    return made


def _unit(value: float, money: bool) -> float:
    return value / 100 if money else value
