"""SMS by Aliyun's official SDK (API 2017-05-25, ACS3-HMAC-SHA256)."""

from __future__ import annotations

import orjson
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import SendSmsRequest
from alibabacloud_tea_openapi.models import Config
from darabonba.runtime import RuntimeOptions
from Tea.exceptions import TeaException

from platform_app.kit.config import Sms, secret
from platform_app.kit.log import Log

log = Log("users.sms")


LIMITED = "isv.BUSINESS_LIMIT_CONTROL"


class SmsRefused(Exception):
    """The SMS gateway could not be reached, or refused the message; `limited`: this phone got enough of them."""

    def __init__(self, message: str, limited: bool = False) -> None:
        super().__init__(message)
        self.limited = limited


async def send_code(settings: Sms, phone: str, digits: str) -> str:
    """Sends a login code; the gateway's BizId. Raises SmsRefused."""
    client = Client(
        Config(
            access_key_id=settings.access_key_id,
            access_key_secret=secret(settings.access_key_secret_file),
            endpoint=settings.endpoint,
            protocol=settings.protocol,
        )
    )
    request = SendSmsRequest(
        phone_numbers=phone,
        sign_name=settings.sign_name,
        template_code=settings.template_code,
        template_param=orjson.dumps({"code": digits}).decode(),
    )
    limit = int(settings.timeout_seconds * 1000)
    options = RuntimeOptions(autoretry=False, connect_timeout=limit, read_timeout=limit)
    try:
        body = (await client.send_sms_with_options_async(request, options)).body
    except (TeaException, OSError, ValueError) as error:
        raise SmsRefused(str(error)) from error
    if body.code != "OK":
        raise SmsRefused(f"{body.code}: {body.message}", body.code == LIMITED)
    return str(body.biz_id)
