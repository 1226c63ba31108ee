"""Aliyun SMS by its official SDK (API 2017-05-25, ACS3-HMAC-SHA256). Imported only where it is configured: it belongs to
an extra, and takes a third of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import SendSmsRequest
from alibabacloud_tea_openapi.models import Config
from darabonba.exceptions import DaraException
from darabonba.runtime import RuntimeOptions
from Tea.exceptions import TeaException

from opsctl.alerts.batch import Batch
from opsctl.alerts.receiver import Channel, Courier, Outcome, RetryAfter, channel_name
from opsctl.alerts.receivers.aliyun_sms import Sms, meaning, messages
from opsctl.model.person import Person

_TIMEOUT = 10.0


@dataclass(frozen=True, kw_only=True)
class AliyunSms:
    """One account, signature and template, and the phones that it writes to."""

    api_url: str
    access_key_id: str
    access_key_secret: str
    sign_name: str
    template_code: str
    people: tuple[str, ...]
    template_params: Mapping[str, str] = field(hash=False)
    send_resolved: bool = False
    rate_per_minute: int = 1
    rate_per_hour: int = 5
    rate_per_day: int = 10
    kind: str = "aliyun_sms"

    @property
    def channel(self) -> Channel:
        name = channel_name(self.kind, " ".join((self.api_url, self.access_key_id, self.template_code, *self.people)))
        also = ((self.rate_per_hour, 3600.0), (self.rate_per_day, 86_400.0))
        return Channel(name=name, rate=self.rate_per_minute, also=also, people=len(self.people), timeout=_TIMEOUT)

    def addressed(self, person: Person) -> AliyunSms | None:
        """As Personal: to this person's phone alone."""
        return replace(self, people=(person.mobile,)) if person.mobile else None

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Sms, ...]:
        return messages(batch, self.people, dict(self.template_params))

    async def send(self, message: Sms, courier: Courier) -> Outcome:
        """As Receiver; the SDK makes the call itself."""
        request = SendSmsRequest(
            phone_numbers=message.phone, sign_name=self.sign_name, template_code=self.template_code,
            template_param=message.parameters,
        )  # fmt: skip
        limit = int(_TIMEOUT * 1000)
        options = RuntimeOptions(autoretry=False, connect_timeout=limit, read_timeout=limit)
        try:
            body = (await self._client().send_sms_with_options_async(request, options)).body
        except (TeaException, DaraException) as error:
            return _refused(error)
        except ValueError as error:
            return RetryAfter(f"not an answer of Aliyun's: {error}"[:200])
        return meaning(str(body.code), str(body.message))

    def _client(self) -> Any:
        parts = urlsplit(self.api_url)
        return Client(
            Config(
                access_key_id=self.access_key_id,
                access_key_secret=self.access_key_secret,
                endpoint=parts.netloc,
                protocol=parts.scheme,
            )
        )


def _refused(error: Any) -> Outcome:
    """What the SDK's error means; raises the one inside when the connection broke off, as Courier would."""
    inside = getattr(error, "inner_exception", None)
    if isinstance(inside, (aiohttp.ClientError, OSError)):
        raise inside
    status = getattr(error, "statusCode", None) or getattr(error, "status_code", None) or 0
    code = str(getattr(error, "code", "") or type(error).__name__)
    words = str(inside or getattr(error, "message", "") or error)
    if not status:
        return RetryAfter(f"the call failed: {words}"[:200])
    return meaning(code, words, int(status))
