"""One run of the script: language, login, navigation, the page."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import streamlit as st

from dashboards import alerts, business, door, resilience
from dashboards.api import Api
from dashboards.figures import Say

URL = os.environ.get("OPSCTL_URL", "http://127.0.0.1:8400")
TOKEN_FILE = os.environ.get("OPSCTL_TOKEN_FILE", "")
PASSWORD_FILE = os.environ.get("OPSCTL_DASHBOARD_PASSWORD_FILE", "")
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0f6e84"/>
<path d="M5 18h6l3-9 5 15 3-6h5" fill="none" stroke="#fff" stroke-width="2.6" stroke-linejoin="round"/></svg>"""
"""Of our own: Streamlit fetches the named icons of a page from a font server."""
_STYLE = """<style>
.block-container {padding-top: 3.4rem; padding-bottom: 2rem; max-width: 1440px;}
.quiet {color: #7b8b93; font-size: 0.95rem; font-weight: 400;}
[data-testid="stMetric"] {background: #ffffff;}
[data-testid="stMetricValue"] {font-weight: 600;}
.st-key-tongue {position: fixed; top: 0.55rem; right: 1.2rem; z-index: 1000000; width: auto;}
h5 {padding-top: 0.2rem !important; font-weight: 600 !important;}
</style>"""


def main() -> None:
    """Streamlit calls this at every change; the pages redraw themselves in between."""
    english = _english()
    say: Say = (lambda zh, en: en) if english else (lambda zh, en: zh)
    st.set_page_config(page_title=say("运维看板", "Operations"), page_icon=_ICON, layout="wide")
    st.markdown(_STYLE, unsafe_allow_html=True)
    if door.needs_login(st.get_option("server.address"), PASSWORD_FILE):
        door.ask(say, PASSWORD_FILE, URL)
    chosen = st.navigation(
        [
            st.Page(_page(business.render, say), title=say("今日业务", "Business"), icon=":material/storefront:",
                    url_path="business", default=True),
            st.Page(_page(alerts.render, say), title=say("告警与事件", "Alerts"), icon=":material/notifications:",
                    url_path="alerts"),
            st.Page(_page(resilience.render, say), title=say("韧性", "Resilience"), icon=":material/health_and_safety:",
                    url_path="resilience"),
        ],
        position="top",
    )  # fmt: skip
    st.button(say("English", "中文"), key="tongue", on_click=_switch, type="tertiary")
    chosen.run()


def _english() -> bool:
    if "english" not in st.session_state:
        st.session_state["english"] = st.query_params.get("lang", "") == "en"
    return bool(st.session_state["english"])


def _switch() -> None:
    st.session_state["english"] = not st.session_state["english"]


def _page(render: Callable[[Api, Say, float], None], say: Say) -> Callable[[], None]:
    """A page that draws itself again every 15 seconds, and says when the operations API does not answer."""

    @st.fragment(run_every="15s")
    def draw() -> None:
        api = Api(URL, TOKEN_FILE)
        notice = st.empty()
        render(api, say, time.time())
        if api.problems:
            text = say("部分数据没有取到，已按缺失显示", "Some data did not come, and is shown as missing")
            notice.warning(f"{text} · {api.problems[0]}", icon=":material/cloud_off:")

    return draw
