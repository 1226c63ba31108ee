"""The document of a WeCom group robot."""

from __future__ import annotations

from opsctl.alerts.documents.values import Rate
from opsctl.core.document import document


@document
class WeComRobotOf:
    """What makes one robot: its key."""

    key: str = ""
    key_file: str = ""


@document
class WeComOf:
    """A WeCom (企业微信) group robot, or `robots` of one group that share the load. `api_url` is the base; the protocol's
    path is appended. `rate_per_minute`: of each robot. `standby`: takes over what another channel cannot send.
    """

    api_url: str = "https://qyapi.weixin.qq.com"
    key: str = ""
    key_file: str = ""
    robots: tuple[WeComRobotOf, ...] = ()
    send_resolved: bool = True
    mentioned_list: tuple[str, ...] = ()
    rate_per_minute: Rate = 18
    standby: bool = False
