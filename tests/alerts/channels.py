"""One receiver of each channel, pointed at the stand-ins."""

from __future__ import annotations

from opsctl.alerts.receiver import Receiver
from opsctl.alerts.receivers.aliyun_sms_sdk import AliyunSms
from opsctl.alerts.receivers.dingtalk import DingTalk
from opsctl.alerts.receivers.feishu import Feishu
from opsctl.alerts.receivers.webhook import Webhook
from opsctl.alerts.receivers.wecom import WeCom
from opsctl.alerts.receivers.wecom_app import WeComApp
from tests.alerts import robots as r

NAMES = ("dingtalk", "wecom", "wecom_app", "feishu", "aliyun_sms", "webhook")


def receiver(name: str, url: str) -> Receiver:
    """A receiver with the right secrets."""
    made: dict[str, Receiver] = {
        "dingtalk": DingTalk(api_url=url, access_token=r.TOKEN, secret=r.SECRET),
        "wecom": WeCom(api_url=url, key=r.KEY),
        "wecom_app": WeComApp(
            api_url=url, corp_id=r.CORP, agent_id=r.AGENT, corp_secret=r.CORP_SECRET, people=("zhang", "li")
        ),
        "feishu": Feishu(api_url=url, hook_id=r.HOOK_ID, secret=r.FEISHU_SECRET),
        "aliyun_sms": AliyunSms(
            api_url=url, access_key_id=r.SMS_KEY, access_key_secret=r.SMS_SECRET, sign_name=r.SIGN,
            template_code=r.TEMPLATE, people=("13800000001", "13800000002"),
            template_params={"severity": "severity", "summary": "summary"},
        ),
        "webhook": Webhook(url=f"{url}/hook", name="hook"),
    }  # fmt: skip
    return made[name]
