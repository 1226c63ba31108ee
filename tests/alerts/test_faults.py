"""Every channel on every bad day: what it makes of an answer that is late, broken, senseless or a code of its own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from opsctl.alerts.batch import Batch
from opsctl.alerts.receiver import Channel, Courier, Outcome, Receiver, Refused, RetryAfter, Sent
from opsctl.alerts.transport import HttpCourier, call
from opsctl.core.http_client import HttpClient
from tests.alerts.channels import NAMES, receiver
from tests.alerts.robots import Robots
from tests.alerts.test_receivers import batch

ROBOTS = tuple(n for n in NAMES if n != "webhook")


@dataclass
class Impatient:
    """A receiver that waits half a second only."""

    real: Receiver
    kind: str = ""
    send_resolved: bool = True

    @property
    def channel(self) -> Channel:
        return replace(self.real.channel, timeout=0.5)

    def messages(self, batch: Batch, now: float, key: str) -> tuple[Any, ...]:
        return self.real.messages(batch, now, key)

    async def send(self, message: Any, courier: Courier) -> Outcome:
        return await self.real.send(message, courier)


@pytest.fixture
async def courier() -> AsyncIterator[HttpCourier]:
    client = HttpClient(trust_env=False)
    yield HttpCourier(client)
    await client.close()


async def one(name: str, robots: Robots, courier: HttpCourier, patient: bool = True) -> tuple[Outcome, bool]:
    made = receiver(name, robots.url)
    messages = made.messages(batch(), time.time(), "opsctl-1-0-1")
    return await call(courier, made if patient else Impatient(made), messages[0])


@pytest.mark.parametrize("name", NAMES)
async def test_a_good_day(name: str, robots: Robots, courier: HttpCourier) -> None:
    assert await one(name, robots, courier) == (Sent(), False)
    assert robots.refusals == []
    assert len(robots.taken) + len(robots.webhooks) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_hangs(name: str, robots: Robots, courier: HttpCourier) -> None:
    robots.answers[name] = "hang"
    outcome, unsure = await one(name, robots, courier, patient=False)
    assert outcome == RetryAfter("no answer within 0.5 s")
    assert unsure


@pytest.mark.parametrize("name", NAMES)
async def test_answers_500(name: str, robots: Robots, courier: HttpCourier) -> None:
    robots.answers[name] = "500"
    outcome, _ = await one(name, robots, courier)
    assert isinstance(outcome, RetryAfter)
    assert not outcome.rest


@pytest.mark.parametrize(
    ("name", "code", "words", "kind", "rest"),
    [
        ("dingtalk", 130101, "send too fast", RetryAfter, True),
        ("dingtalk", 310000, "sign not match", Refused, False),
        ("dingtalk", 310000, "keywords not in content", Refused, False),
        ("dingtalk", 310000, "invalid timestamp", RetryAfter, False),
        ("dingtalk", 460101, "message too long", Refused, False),
        ("dingtalk", 300001, "token is not exist", Refused, False),
        ("wecom", 45009, "api freq out of limit", RetryAfter, True),
        ("wecom", 93000, "invalid webhook url", Refused, False),
        ("wecom", -1, "system busy", RetryAfter, False),
        ("wecom_app", 81013, "all user invalid", Refused, False),
        ("wecom_app", 45009, "api freq out of limit", RetryAfter, True),
        ("wecom_app", -1, "system busy", RetryAfter, False),
        ("feishu", 11232, "frequency limited", RetryAfter, True),
        ("feishu", 19021, "sign match fail or timestamp is not within one hour", Refused, False),
        ("feishu", 19022, "Ip Not Allowed", Refused, False),
        ("feishu", 19024, "Key Words Not Found", Refused, False),
        ("aliyun_sms", "isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1", RetryAfter, False),
        ("aliyun_sms", "isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10", Refused, False),
        ("aliyun_sms", "isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板", Refused, False),
    ],
)
async def test_answers_200_with_a_code_of_its_own(
    name: str, code: int | str, words: str, kind: type[Outcome], rest: bool, robots: Robots, courier: HttpCourier
) -> None:
    robots.answers[name] = (code, words)
    outcome, _ = await one(name, robots, courier)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "rest", False) is rest
    assert str(code) in outcome.reason  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ROBOTS)
async def test_answers_200_with_nonsense(name: str, robots: Robots, courier: HttpCourier) -> None:
    robots.answers[name] = "nonsense"
    outcome, _ = await one(name, robots, courier)
    assert isinstance(outcome, RetryAfter)
    assert not outcome.rest


@pytest.mark.parametrize("fault", ["break", "midway"])
@pytest.mark.parametrize("name", NAMES)
async def test_closes_before_or_in_the_middle_of_its_answer(
    name: str, fault: str, robots: Robots, courier: HttpCourier
) -> None:
    robots.answers[name] = fault
    outcome, unsure = await one(name, robots, courier)
    assert isinstance(outcome, RetryAfter), outcome
    assert unsure


@pytest.mark.parametrize("name", NAMES)
async def test_resolves_to_nothing(name: str, courier: HttpCourier) -> None:
    made = receiver(name, "http://no-such-host.invalid")
    outcome, unsure = await call(courier, made, made.messages(batch(), 0.0, "k")[0])
    assert isinstance(outcome, RetryAfter)
    assert "connect" in outcome.reason or "call failed" in outcome.reason
    assert not unsure


async def test_an_expired_token_is_fetched_anew_and_kept(robots: Robots, courier: HttpCourier) -> None:
    app = receiver("wecom_app", robots.url)
    first, second = app.messages(batch(), 0.0, "k")
    assert await call(courier, app, first) == (Sent(), False)
    assert await call(courier, app, second) == (Sent(), False)
    assert robots.tokens == 1
    robots.tokens += 1  # the company has given another one: ours has expired
    assert await call(courier, app, first) == (Sent(), False)
    assert robots.refusals == [42001]
    assert robots.tokens == 3
