"""The application message of WeChat Work: what is sent, tokens, and what each errcode means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from opsctl.alerts.batch import Batch
from opsctl.alerts.config import load_configuration
from opsctl.alerts.receiver import Outcome, Refused, RetryAfter, Sent
from opsctl.alerts.receivers.wechat import Wechat
from opsctl.alerts.transport import HttpCourier
from opsctl.core.errors import DocumentError
from opsctl.core.http_client import HttpClient
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from tests.alerts.wechat_office import CORP, SECRET, Office

BATCH = Batch(
    receiver="a", group_key="{}:{}", group_labels=Labels({"alertname": "Down"}), now=1000.0, external_url="http://am",
    alerts=(
        Alert(labels=Labels({"alertname": "Down", "owner": "zhang"}), annotations=Labels({"summary": "坏了"}), starts_at=0),
    ),
)  # fmt: skip
TELL = Callable[[Wechat], Awaitable[Outcome]]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    made = Office()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def tell() -> AsyncIterator[TELL]:
    client = HttpClient()

    async def one(receiver: Wechat) -> Outcome:
        (message,) = receiver.messages(BATCH, 1000.0, "k")
        return await receiver.send(message, HttpCourier(client))

    yield one
    await client.close()


def load(folder: Path, office: Office | None, text: str = "", secret: str = SECRET) -> Wechat:
    file = folder / "am.yml"
    url = office.url if office else "http://127.0.0.1:1"
    file.write_text(
        f"global: {{wechat_api_url: '{url}', wechat_api_corp_id: {CORP}}}\nroute: {{receiver: a}}\n"
        f"receivers: [{{name: a, wechat_configs: [{{api_secret: {secret}, agent_id: 100001, {text or 'to_user: zhang'}}}]}}]\n"
    )
    made = load_configuration(file, {}).integrations["a/wechat/0"].impl
    assert isinstance(made, Wechat)
    return made


async def test_text(tmp_path: Path, office: Office, tell: TELL) -> None:
    assert await tell(load(tmp_path, office)) == Sent()
    (body,) = office.messages
    assert body["msgtype"] == "text"
    assert body["agentid"] == "100001"
    assert body["touser"] == "zhang"
    assert body["safe"] == "0"
    assert "toparty" not in body
    assert body["text"]["content"].startswith(
        "[FIRING:1] Down (zhang)\n坏了\nAlerts Firing:\nLabels:\n - alertname = Down\n"
    )
    assert body["text"]["content"].endswith("AlertmanagerUrl:\nhttp://am/#/alerts?receiver=a")


async def test_markdown_parties_and_templates(tmp_path: Path, office: Office, tell: TELL) -> None:
    text = "message_type: markdown, message: '**{{ .Status }}**', to_user: '{{ .CommonLabels.owner }}', to_party: '1|2', to_tag: t"
    assert await tell(load(tmp_path, office, text)) == Sent()
    (body,) = office.messages
    assert body == {
        "markdown": {"content": "**firing**"}, "touser": "zhang", "toparty": "1|2", "totag": "t",
        "agentid": "100001", "safe": "0", "msgtype": "markdown",
    }  # fmt: skip


async def test_the_token_is_kept_until_it_ends(tmp_path: Path, office: Office, tell: TELL) -> None:
    receiver = load(tmp_path, office)
    assert [await tell(receiver), await tell(receiver)] == [Sent(), Sent()]
    assert office.tokens == 1
    office.valid = "another"  # somebody else has fetched one: 40014
    assert await tell(receiver) == Sent()
    office.answers = [42001]
    assert await tell(receiver) == Sent()
    assert (office.tokens, len(office.messages)) == (3, 4)


async def test_a_new_token_that_is_stale_too_is_tried_later(tmp_path: Path, office: Office, tell: TELL) -> None:
    office.answers = [42001]
    assert await tell(load(tmp_path, office)) == RetryAfter("errcode 42001: said 42001", 1.0)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (-1, RetryAfter("errcode -1: said -1", most=3)),
        (45009, RetryAfter("errcode 45009: said 45009", 60.0, rest=True)),
        (81013, Refused("errcode 81013: said 81013")),
        (60020, Refused("errcode 60020: said 60020")),
    ],
)
async def test_errcodes(tmp_path: Path, office: Office, tell: TELL, code: int, outcome: Outcome) -> None:
    office.answers = [code]
    assert await tell(load(tmp_path, office)) == outcome


async def test_nobody_of_those_is_known(tmp_path: Path, office: Office, tell: TELL) -> None:
    office.members = {"li"}
    assert await tell(load(tmp_path, office)) == Refused("errcode 81013: user & party & tag all invalid")


async def test_a_wrong_secret(tmp_path: Path, office: Office, tell: TELL) -> None:
    assert await tell(load(tmp_path, office, secret="x")) == Refused("errcode 40001: invalid credential")


async def test_a_wrong_template_fails_for_good(tmp_path: Path, office: Office, tell: TELL) -> None:
    outcome = await tell(load(tmp_path, office, "message: '{{ .Nope }}'"))
    assert outcome == Refused('template: :1:3: executing "" at <.Nope>: can\'t evaluate field Nope in type Data')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("message_type: card", "message type 'card' does not match valid options (text|markdown)"),
        ("api_secret_file: f", "both stand here: give api_secret or api_secret_file"),
        ("corpid: x", "unknown key (did you mean 'corp_id'?)"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, None, text)
    assert said in str(caught.value)
