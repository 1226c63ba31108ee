"""The document of Aliyun's SMS."""

from __future__ import annotations

from dataclasses import field

from opsctl.alerts.documents.values import Rate
from opsctl.core.document import document


@document
class AliyunSmsOf:
    """SMS to each of `phones` by a template registered with Aliyun. `api_url`: the service's address.

    `template_params`: variable of the template → what it shows: severity, summary, count, since or link (a personal
    one). The rates are for each phone: Aliyun's limits go by number.
    """

    access_key_id: str
    sign_name: str
    template_code: str
    phones: tuple[str, ...]
    api_url: str = "https://dysmsapi.aliyuncs.com"
    access_key_secret: str = ""
    access_key_secret_file: str = ""
    template_params: dict[str, str] = field(default_factory=lambda: {"severity": "severity", "summary": "summary"})
    send_resolved: bool = False
    rate_per_minute: Rate = 1
    rate_per_hour: Rate = 5
    rate_per_day: Rate = 10
    standby: bool = False
