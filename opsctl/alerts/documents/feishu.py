"""The document of a Feishu bot."""

from __future__ import annotations

from opsctl.alerts.documents.values import Rate
from opsctl.core.document import document


@document
class FeishuBotOf:
    """What makes one bot: the last part of its webhook's address, and its secret where signing is on."""

    hook_id: str = ""
    hook_id_file: str = ""
    secret: str = ""
    secret_file: str = ""


@document
class FeishuOf:
    """A Feishu (飞书) custom bot, or `robots` of one group that share the load. `api_url` is the base; the protocol's path
    is appended. `at_users`: open ids mentioned in critical messages. `standby`: takes over what another cannot send.
    """

    api_url: str = "https://open.feishu.cn"
    hook_id: str = ""
    hook_id_file: str = ""
    secret: str = ""
    secret_file: str = ""
    robots: tuple[FeishuBotOf, ...] = ()
    send_resolved: bool = True
    at_users: tuple[str, ...] = ()
    rate_per_minute: Rate = 90
    standby: bool = False
