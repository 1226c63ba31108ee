"""The document of a WeCom group robot."""

from __future__ import annotations

from opsctl.alerts.documents.values import Rate
from opsctl.core.document import document


@document
class WeComOf:
    """A WeCom (企业微信) group robot. `api_url` is the base; the protocol's path is appended."""

    api_url: str = "https://qyapi.weixin.qq.com"
    key: str = ""
    key_file: str = ""
    send_resolved: bool = True
    mentioned_list: tuple[str, ...] = ()
    rate_per_minute: Rate = 18
