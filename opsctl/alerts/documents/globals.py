"""The `global` part of alertmanager.yml. Source: alertmanager config.GlobalConfig."""

from __future__ import annotations

from dataclasses import field

from opsctl.alerts.documents.values import Span
from opsctl.core.document import document
from opsctl.core.http_settings import HttpSettings, TlsConfig


@document
class GlobalOf:
    """Defaults of all receivers. `resolve_timeout`: when an alert posted without endsAt counts as resolved.

    What belongs to receivers that are not spoken here is taken and not used, so that a standard file loads.
    """

    resolve_timeout: Span = 300.0
    http_config: HttpSettings | None = None

    smtp_from: str = ""
    smtp_hello: str = "localhost"
    smtp_smarthost: str = ""
    smtp_auth_username: str = ""
    smtp_auth_password: str = ""
    smtp_auth_password_file: str = ""
    smtp_auth_secret: str = ""
    smtp_auth_secret_file: str = ""
    smtp_auth_identity: str = ""
    smtp_require_tls: bool = True
    smtp_tls_config: TlsConfig = field(default_factory=TlsConfig)
    smtp_force_implicit_tls: bool | None = None

    wechat_api_url: str = "https://qyapi.weixin.qq.com/cgi-bin/"
    wechat_api_secret: str = ""
    wechat_api_secret_file: str = ""
    wechat_api_corp_id: str = ""

    jira_api_url: str = ""
    mattermost_webhook_url: str = ""
    mattermost_webhook_url_file: str = ""
    opsgenie_api_key: str = ""
    opsgenie_api_key_file: str = ""
    opsgenie_api_url: str = ""
    pagerduty_url: str = ""
    rocketchat_api_url: str = ""
    rocketchat_token: str = ""
    rocketchat_token_file: str = ""
    rocketchat_token_id: str = ""
    rocketchat_token_id_file: str = ""
    slack_api_url: str = ""
    slack_api_url_file: str = ""
    slack_app_token: str = ""
    slack_app_token_file: str = ""
    slack_app_url: str = ""
    telegram_api_url: str = ""
    telegram_bot_token: str = ""
    telegram_bot_token_file: str = ""
    victorops_api_key: str = ""
    victorops_api_key_file: str = ""
    victorops_api_url: str = ""
    webex_api_url: str = ""
