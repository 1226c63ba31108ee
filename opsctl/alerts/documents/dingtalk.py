"""The document of a DingTalk robot."""

from __future__ import annotations

from opsctl.alerts.documents.values import Rate
from opsctl.core.document import document


@document
class DingTalkOf:
    """A DingTalk custom robot. `api_url` is the base; the protocol's path is appended."""

    api_url: str = "https://oapi.dingtalk.com"
    access_token: str = ""
    access_token_file: str = ""
    secret: str = ""
    secret_file: str = ""
    send_resolved: bool = True
    at_mobiles: tuple[str, ...] = ()
    rate_per_minute: Rate = 18
