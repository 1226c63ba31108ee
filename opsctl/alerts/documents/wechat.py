"""The document of Alertmanager's WeChat Work application message. Source: alertmanager config.WechatConfig."""

from __future__ import annotations

from opsctl.core.document import document
from opsctl.core.http_settings import HttpSettings


@document
class WechatOf:
    """An application message (企业微信应用消息). What is not given is the global `wechat_*`; texts are templates."""

    api_url: str = ""
    api_secret: str = ""
    api_secret_file: str = ""
    corp_id: str = ""
    agent_id: str = '{{ template "wechat.default.agent_id" . }}'
    to_user: str = '{{ template "wechat.default.to_user" . }}'
    to_party: str = '{{ template "wechat.default.to_party" . }}'
    to_tag: str = '{{ template "wechat.default.to_tag" . }}'
    message: str = '{{ template "wechat.default.message" . }}'
    message_type: str = "text"
    send_resolved: bool = False
    http_config: HttpSettings | None = None
