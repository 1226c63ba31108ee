"""The document of a WeCom app that writes to people."""

from __future__ import annotations

from opsctl.alerts.documents.values import Rate
from opsctl.core.document import document


@document
class WeComAppOf:
    """Messages of a WeCom (企业微信) app, to each of `to_users` his own. `api_url` is the base.

    With `callback_token` and `callback_aes_key` (of the app's page 接收消息) the card has buttons that call back to
    `{external URL}/links/wecom/{corp_id}/{agent_id}`; without them its links are personal.
    `rate_per_minute`: for each person.
    """

    corp_id: str
    agent_id: int
    to_users: tuple[str, ...]
    api_url: str = "https://qyapi.weixin.qq.com"
    corp_secret: str = ""
    corp_secret_file: str = ""
    callback_token: str = ""
    callback_token_file: str = ""
    callback_aes_key: str = ""
    callback_aes_key_file: str = ""
    send_resolved: bool = True
    rate_per_minute: Rate = 28
    standby: bool = False
