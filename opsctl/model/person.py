"""Somebody who may be called; the ids are those of the channels."""

from __future__ import annotations

from opsctl.core.document import document


@document
class Person:
    """One entry of `people`. A channel whose id is empty cannot reach this person."""

    id: str
    name: str
    mobile: str = ""
    email: str = ""
    dingtalk: str = ""
    wecom: str = ""
    feishu: str = ""
