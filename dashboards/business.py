"""Business today: five numbers against the same time last week, today's curve, sixty days."""

from __future__ import annotations

import streamlit as st

from dashboards import charts
from dashboards.api import Api, Points
from dashboards.figures import Say, change, clock, count, midnight, percent, point_change, yuan
from dashboards.parts import cards, missing, title

_WEEK, _DAY = 7 * 86_400, 86_400
_DAY_END = _DAY - 30


def render(api: Api, say: Say, now: float) -> None:
    """Draws the page as of `now`."""
    title(say("今日业务", "Business today"), say(f"截至 {clock(now)}（北京时间）", f"as of {clock(now)}, Beijing time"))
    _numbers(api, say, now)
    kind = st.segmented_control(
        say("指标", "Figure"), ["orders", "gmv"], default="orders", key="business_kind", label_visibility="collapsed",
        format_func=lambda k: say("订单", "Orders") if k == "orders" else say("交易额", "GMV"),
    ) or "orders"  # fmt: skip
    metric = "business_gmv_fen_day" if kind == "gmv" else "business_orders_created_day"
    left, right = st.columns([1, 1.25], gap="large")
    with left:
        _today(api, say, now, metric)
    with right:
        _sixty_days(api, say, now, metric)


def _numbers(api: Api, say: Say, now: float) -> None:
    def pair(metric: str) -> tuple[float | None, float | None]:
        return api.number(f"max({metric})", now), api.number(f"max({metric} offset 1w)", now)

    orders, gmv, paid, accepted, dau = (
        pair(metric)
        for metric in (
            "business_orders_created_day", "business_gmv_fen_day", "business_payment_success_ratio_1h",
            "business_acceptance_ratio_day", "business_dau",
        )
    )  # fmt: skip
    cards(
        say("较上周同一时刻", "against the same time last week"),
        [
            (say("今日订单", "Orders today"), count(orders[0]), change(*orders)),
            (say("今日交易额", "GMV today"), yuan(gmv[0]), change(*gmv)),
            (say("支付成功率 · 近 1 小时", "Payment success · 1 h"), percent(paid[0]), point_change(*paid, say)),
            (say("接单率", "Acceptance"), percent(accepted[0]), point_change(*accepted, say)),
            (say("日活用户", "Daily active users"), count(dau[0]), change(*dau)),
        ],
        say,
    )


def _today(api: Api, say: Say, now: float, metric: str) -> None:
    st.markdown(f"##### {say('今天与上周同日（累计）', 'Today and the same day last week (running total)')}")
    start = midnight(now)
    today = api.points(f"max({metric})", start, now, 300)
    before = api.points(f"max({metric})", start - _WEEK, start - _WEEK + _DAY_END, 300)
    if not today and not before:
        missing(say)
        return
    chart = charts.day_curve(today or [], before or [], start, start - _WEEK, say, metric == "business_gmv_fen_day")
    st.altair_chart(chart, width="stretch")


def _sixty_days(api: Api, say: Say, now: float, metric: str) -> None:
    st.markdown(f"##### {say('近 60 天（按天，橙线为 7 日均值）', 'Last 60 days (per day, orange: 7-day mean)')}")
    days = daily(api, metric, now)
    if not days:
        missing(say)
        return
    st.altair_chart(charts.trend(days, say, metric == "business_gmv_fen_day"), width="stretch")


def daily(api: Api, metric: str, now: float) -> Points:
    """Each day's total: the value just before its midnight, and for today the value now."""
    start = midnight(now)
    past = api.points(f"max({metric})", start - 60 * _DAY + _DAY_END, start - 30, _DAY) or []
    today = api.number(f"max({metric})", now)
    return [*past, (now, today)] if today is not None else past
