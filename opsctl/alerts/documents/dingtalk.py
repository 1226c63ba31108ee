"""The document of a DingTalk robot."""

from __future__ import annotations

from opsctl.alerts.documents.values import Rate
from opsctl.core.document import document


@document
class DingTalkRobotOf:
    """What makes one robot: its token, and its secret where signing is on."""

    access_token: str = ""
    access_token_file: str = ""
    secret: str = ""
    secret_file: str = ""


@document
class DingTalkOf:
    """A DingTalk custom robot, or `robots` of one group that share the load. `api_url` is the base; the protocol's path
    is appended. `rate_per_minute`: of each robot. `standby`: takes over what another channel of the receiver cannot send.
    """

    api_url: str = "https://oapi.dingtalk.com"
    access_token: str = ""
    access_token_file: str = ""
    secret: str = ""
    secret_file: str = ""
    robots: tuple[DingTalkRobotOf, ...] = ()
    send_resolved: bool = True
    at_mobiles: tuple[str, ...] = ()
    rate_per_minute: Rate = 18
    standby: bool = False
