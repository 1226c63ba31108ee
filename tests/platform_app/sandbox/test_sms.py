"""Aliyun SMS as the official SDK meets it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import SendSmsRequest
from alibabacloud_tea_openapi.models import Config

from platform_app.kit.config import PlatformConfig, secret
from platform_app.sandbox.sms import LIMITS
from platform_app.sandbox.world import World

PHONE = "13800138000"


async def send(config: PlatformConfig, key: str = "", **changes: str) -> Any:
    sms = config.sms
    client = Client(
        Config(
            access_key_id=sms.access_key_id,
            access_key_secret=key or secret(sms.access_key_secret_file),
            endpoint=sms.endpoint,
            protocol="http",
        )
    )
    fields = {
        "phone_numbers": PHONE,
        "sign_name": sms.sign_name,
        "template_code": sms.template_code,
        "template_param": '{"code":"123456"}',
    }
    answer = await asyncio.to_thread(client.send_sms, SendSmsRequest(**(fields | changes)))
    return answer.body


async def test_a_code_reaches_the_phone_and_the_wall(
    world: World, config: PlatformConfig, http: aiohttp.ClientSession
) -> None:
    assert (await send(config)).code == "OK"
    async with http.get(f"http://{config.sandbox.listen}/api/phones/{PHONE}/sms") as answer:
        messages = (await answer.json())["messages"]
    assert "123456" in messages[0]["text"]
    assert messages[0]["text"].startswith(f"【{config.sms.sign_name}】")
    assert [m.to for m in world.wall.since(0)] == [PHONE]


async def test_limits_are_by_phone_number(world: World, config: PlatformConfig) -> None:
    assert (await send(config)).code == "OK"
    refused = await send(config)
    assert (refused.code, refused.message) == ("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1")
    assert (await send(config, phone_numbers="13800138001")).code == "OK"
    assert [permits for _, _, permits in LIMITS] == [1, 5, 10]


async def test_what_was_not_registered_is_refused(world: World, config: PlatformConfig) -> None:
    assert (await send(config, sign_name="别家")).code == "isv.SMS_SIGNATURE_ILLEGAL"
    assert (await send(config, template_code="SMS_1")).code == "isv.SMS_TEMPLATE_ILLEGAL"
    assert (await send(config, template_param="{}")).code == "isv.TEMPLATE_MISSING_PARAMETERS"
    assert (await send(config, template_param="code")).code == "isv.INVALID_JSON_PARAM"
    assert (await send(config, phone_numbers="110")).code == "isv.MOBILE_NUMBER_ILLEGAL"


async def test_a_wrong_secret_is_refused(world: World, config: PlatformConfig, http: aiohttp.ClientSession) -> None:
    with pytest.raises(Exception, match=r"SignatureDoesNotMatch|not matched"):
        await send(config, key="wrong")
    async with http.post(f"http://{config.sandbox.listen}/?Action=SendSms&PhoneNumbers={PHONE}") as answer:
        assert (answer.status, (await answer.json())["Code"]) == (400, "IncompleteSignature")
    assert world.wall.since(0) == []
