"""What the pages share: title, cards, the sign for missing data."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboards.figures import MISSING, Say

SEVERITIES = {
    "critical": ("red", "严重", "critical"),
    "warning": ("orange", "警告", "warning"),
    "info": ("blue", "提示", "info"),
}


def title(text: str, note: str) -> None:
    st.markdown(f"### {text}　<span class='quiet'>{note}</span>", unsafe_allow_html=True)


def cards(note: str, found: Sequence[tuple[str, str, str | None]], say: Say, inverse: bool = False) -> None:
    """A row of numbers. `note` says what the small print compares with; a missing number says so."""
    for column, (name, value, delta) in zip(st.columns(len(found)), found, strict=True):
        with column:
            st.metric(
                name, value, delta, border=True, height="stretch", delta_color="inverse" if inverse else "normal",
                help=None if value != MISSING else say("暂无数据", "No data"),
            )  # fmt: skip
    gone = [name for name, value, _ in found if value == MISSING]
    if gone:
        note = f"{note}　·　{say('暂无数据：', 'no data: ')}{say('、', ', ').join(gone)}"
    st.caption(note)


def missing(say: Say, what: str = "") -> None:
    """Data that did not come is shown as missing, never as zero."""
    st.info(what or say("暂无数据", "No data"), icon=":material/signal_disconnected:")


def severity(name: str, say: Say) -> str:
    """A severity as a small coloured badge, in Streamlit's markdown."""
    colour, zh, en = SEVERITIES.get(name, ("gray", name, name))
    return f":{colour}-badge[{say(zh, en)}]"
