"""The login: asked for whenever the pages can be reached from another machine."""

from __future__ import annotations

import hmac
import ipaddress
import time
from pathlib import Path

import streamlit as st

from dashboards.api import Api
from dashboards.figures import Say


def needs_login(address: str | None, password_file: str) -> bool:
    """On loopback alone the machine's user is trusted, unless a password is set all the same."""
    return bool(password_file) or not _loopback(address or "")


def _loopback(address: str) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def accepts(word: str, password_file: str, url: str) -> bool:
    """Is `word` the password of the file? Without a file: is it a token that the operations API takes?"""
    if not word:
        return False
    if password_file:
        return hmac.compare_digest(word.encode(), Path(password_file).read_text().strip().encode())
    return Api(url, token=word).get("/api/v2/alerts") is not None


def ask(say: Say, password_file: str, url: str) -> None:
    """Shows the login and ends the run unless this session has passed it."""
    if st.session_state.get("let_in"):
        return
    _, middle, _ = st.columns([1, 1.1, 1])
    with middle, st.form("login"):
        st.markdown(f"### {say('登录运维看板', 'Log in to the dashboards')}")
        name = say("密码", "Password") if password_file else say("访问令牌（viewer 即可）", "Token (viewer will do)")
        word = st.text_input(name, type="password")
        sent = st.form_submit_button(say("登录", "Log in"), type="primary", width="stretch")
        if sent and accepts(word, password_file, url):
            st.session_state["let_in"] = True
            st.rerun()
        if sent:
            time.sleep(1)  # guessing is slow
            st.error(say("不正确", "That is not right"))
    st.stop()
