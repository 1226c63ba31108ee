"""Mail over a real SMTP server: content, TLS, logins, threads, refusals."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from opsctl.alerts.batch import Batch
from opsctl.alerts.config import load_configuration
from opsctl.alerts.mail import Mail
from opsctl.alerts.receiver import Outcome, Refused, RetryAfter, Sent, Unsendable
from opsctl.alerts.receivers.email import Email
from opsctl.alerts.smtp import send_mail
from opsctl.core.errors import DocumentError
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from tests.alerts.mailbox import CRAM, PASSWORD, USER, Mailbox

NOW = 1_700_000_000.0
Open = Callable[..., Awaitable[Mailbox]]


def batch(**more: Any) -> Batch:
    one = Alert(
        labels=Labels({"alertname": "Down", "instance": "主机 1"}), annotations=Labels({"summary": "<坏> & " + "长" * 200}),
        starts_at=NOW - 60,
    )  # fmt: skip
    return Batch(
        receiver="a", group_key="{}:{}", group_labels=Labels({"alertname": "Down"}), alerts=(one,), now=NOW,
        external_url="http://am", **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.crt",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
async def mailbox() -> AsyncIterator[Open]:
    made: list[Mailbox] = []

    async def begin(*args: Any, **more: Any) -> Mailbox:
        made.append(Mailbox(*args, **more))
        await made[-1].start()
        return made[-1]

    yield begin
    for each in made:
        await each.stop()


def load(folder: Path, text: str, common: str = "") -> Email:
    file = folder / "am.yml"
    receivers = f"receivers: [{{name: a, email_configs: [{{to: 'on call <oncall@x.test>', {text}}}]}}]\n"
    file.write_text(f"global: {{smtp_from: am@x.test, {common}}}\nroute: {{receiver: a}}\n{receivers}", "utf-8")
    made = load_configuration(file, {}).integrations["a/email/0"].impl
    assert isinstance(made, Email)
    return made


async def send(email: Email, what: Batch | None = None, key: str = "k1") -> Outcome:
    (message,) = email.messages(what or batch(), NOW, key)
    return await asyncio.wait_for(email.send(message, None), 20)  # type: ignore[arg-type]


def parts(mail: EmailMessage) -> dict[str, str]:
    return {p.get_content_type(): p.get_content() for p in mail.iter_parts() if isinstance(p, EmailMessage)}


async def test_a_mail_in_the_open(tmp_path: Path, mailbox: Open) -> None:
    box = await mailbox()
    email = load(
        tmp_path,
        "text: '{{ .CommonAnnotations.summary }}', headers: {subject: '坏了 {{ .Status }}', x-team: 'a\nb'}, hello: me.test",
        f"smtp_smarthost: 'localhost:{box.port}', smtp_require_tls: false",
    )
    assert await send(email) == Sent()
    (mail,), (envelope,) = box.mails, box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos, box.hellos) == ("am@x.test", ["oncall@x.test"], ["me.test"])
    assert mail["Subject"] == "坏了 firing"
    assert mail["To"] == "on call <oncall@x.test>"
    assert mail["From"] == "am@x.test"
    assert mail["X-Team"] == "a b"
    assert mail["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert mail["Message-Id"].endswith("@opsctl>")
    assert mail["MIME-Version"] == "1.0"
    assert mail.get_content_type() == "multipart/alternative"
    assert list(parts(mail)) == ["text/plain", "text/html"]
    assert parts(mail)["text/plain"].rstrip("\n") == "<坏> & " + "长" * 200
    assert "&lt;坏&gt; &amp; 长" in parts(mail)["text/html"]
    assert isinstance(envelope.content, bytes)
    assert max(len(line) for line in envelope.content.split(b"\r\n")) <= 78
    assert b"quoted-printable" in envelope.content
    assert envelope.content.isascii()


async def test_several_people_and_the_default_subject(tmp_path: Path, mailbox: Open) -> None:
    box = await mailbox()
    email = load(tmp_path, f"smarthost: '127.0.0.1:{box.port}', require_tls: false")
    email = replace(email, to='a@x.test, "B, C" <b@x.test>, {{ .Receiver }}@x.test')
    assert await send(email) == Sent()
    assert box.envelopes[0].rcpt_tos == ["a@x.test", "b@x.test", "a@x.test"]
    assert box.mails[0]["Subject"] == "[FIRING:1] Down (主机 1)"
    assert list(parts(box.mails[0])) == ["text/html"]


async def test_a_mail_that_is_sent_again_is_the_same_mail(tmp_path: Path, mailbox: Open) -> None:
    box = await mailbox()
    email = load(tmp_path, f"smarthost: '127.0.0.1:{box.port}', require_tls: false")
    for key in ("k1", "k1", "k2"):
        await send(email, key=key)
    first, again, other = (m["Message-Id"] for m in box.mails)
    assert first == again != other


async def test_starttls_is_asked_for_and_checked(tmp_path: Path, mailbox: Open, pki: Path) -> None:
    box = await mailbox(pki)
    text = f"smarthost: 'localhost:{box.port}'"
    outcome = await send(load(tmp_path, text))
    assert isinstance(outcome, RetryAfter)
    assert "certificate verify failed" in outcome.reason
    assert await send(load(tmp_path, f"{text}, tls_config: {{ca_file: {pki}/server.crt}}")) == Sent()
    assert await send(load(tmp_path, text, "smtp_tls_config: {insecure_skip_verify: true}")) == Sent()
    assert box.secure == [True, True]
    named = f"tls_config: {{ca_file: {pki}/server.crt, server_name: other.test}}"
    wrong = await send(load(tmp_path, f"{text}, {named}"))
    assert isinstance(wrong, RetryAfter)
    right = await send(load(tmp_path, f"smarthost: '127.0.0.2:{box.port}', {named}"))
    assert isinstance(right, RetryAfter)


async def test_a_server_without_starttls_gets_no_mail(tmp_path: Path, mailbox: Open) -> None:
    box = await mailbox()
    outcome = await send(load(tmp_path, f"smarthost: 'localhost:{box.port}'"))
    assert isinstance(outcome, RetryAfter)
    assert "does not advertise the STARTTLS extension" in outcome.reason
    assert not box.mails


async def test_implicit_tls(tmp_path: Path, mailbox: Open, pki: Path) -> None:
    box = await mailbox(pki, implicit=True)
    tls = f"tls_config: {{ca_file: {pki}/server.crt}}"
    assert await send(load(tmp_path, f"smarthost: 'localhost:{box.port}', force_implicit_tls: true, {tls}")) == Sent()
    assert box.secure == [True]
    assert load(tmp_path, "smarthost: 'h:465'").server.implicit_tls
    assert not load(tmp_path, "smarthost: 'h:465', force_implicit_tls: false").server.implicit_tls
    assert not load(tmp_path, "smarthost: 'h:587'", "smtp_force_implicit_tls: false").server.implicit_tls


@pytest.mark.parametrize(
    ("excluded", "keys", "used"),
    [
        (["PLAIN", "CRAM-MD5"], f"auth_password: '{PASSWORD}'", "LOGIN"),
        (["LOGIN", "CRAM-MD5"], f"auth_password: '{PASSWORD}', auth_identity: ''", "PLAIN"),
        (["PLAIN", "LOGIN"], f"auth_secret: {CRAM}", "CRAM-MD5"),
        ([], f"auth_password: '{PASSWORD}'", "LOGIN"),  # CRAM-MD5 is offered too, without a secret for it
        (["LOGIN", "CRAM-MD5"], "auth_password_file: pass", "PLAIN"),
    ],
)  # fmt: skip
async def test_logins(tmp_path: Path, mailbox: Open, pki: Path, excluded: list[str], keys: str, used: str) -> None:
    box = await mailbox(pki, auth=True, auth_exclude_mechanism=excluded)
    (tmp_path / "pass").write_text(f"{PASSWORD}\n", encoding="utf-8")
    text = (
        f"smarthost: 'localhost:{box.port}', tls_config: {{ca_file: {pki}/server.crt}}, auth_username: {USER}, {keys}"
    )
    assert await send(load(tmp_path, text)) == Sent()
    assert [login[0] for login in box.logins] == [used]


async def test_a_wrong_password_is_refused_for_good(tmp_path: Path, mailbox: Open, pki: Path) -> None:
    box = await mailbox(pki, auth=True)
    text = f"smarthost: 'localhost:{box.port}', tls_config: {{ca_file: {pki}/server.crt}}, auth_username: {USER}"
    outcome = await send(load(tmp_path, f"{text}, auth_password: wrong"))
    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("SMTP 535")
    nothing = await send(load(tmp_path, text))
    assert isinstance(nothing, RetryAfter)
    assert "missing password for LOGIN auth mechanism" in nothing.reason


@pytest.mark.parametrize(
    ("command", "answer", "kind"),
    [
        ("MAIL", "451 try later", RetryAfter),
        ("RCPT", "450 mailbox busy", RetryAfter),
        ("RCPT", "550 no such user", Refused),
        ("DATA", "452 disk full", RetryAfter),
        ("DATA", "554 spam", Refused),
    ],
)
async def test_refusals(tmp_path: Path, mailbox: Open, command: str, answer: str, kind: type[Outcome]) -> None:
    box = await mailbox()
    box.refuse[command] = answer
    email = load(tmp_path, f"smarthost: 'localhost:{box.port}', require_tls: false")
    outcome = await send(email)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "reason", "") == f"SMTP {answer[:3]}: {answer[4:]}"
    box.refuse.clear()
    assert await send(email) == Sent()


async def test_a_connection_that_breaks_after_the_content_leaves_it_open(tmp_path: Path, mailbox: Open) -> None:
    box = await mailbox()
    box.refuse["DROP"] = "now"
    email = load(tmp_path, f"smarthost: 'localhost:{box.port}', require_tls: false")
    with pytest.raises(ConnectionError):
        await send(email)


async def test_a_server_that_hangs(tmp_path: Path, mailbox: Open) -> None:
    silent = await asyncio.start_server(lambda r, w: asyncio.sleep(60), "127.0.0.1", 0)
    email = load(tmp_path, f"smarthost: '127.0.0.1:{silent.sockets[0].getsockname()[1]}', require_tls: false")
    (message,) = email.messages(batch(), NOW, "k")
    assert isinstance(message, Mail)
    outcome = await send_mail(email.server, message, 0.2)
    assert isinstance(outcome, RetryAfter)
    assert "Timed out" in outcome.reason
    silent.close()
    box = await mailbox()
    box.refuse["HANG"] = "now"
    hanging = load(tmp_path, f"smarthost: '127.0.0.1:{box.port}', require_tls: false")
    with pytest.raises(TimeoutError):
        await send_mail(hanging.server, message, 0.5)


async def test_nobody_listens(tmp_path: Path) -> None:
    outcome = await send(load(tmp_path, "smarthost: 'localhost:1', require_tls: false"))
    assert isinstance(outcome, RetryAfter)
    assert outcome.reason.startswith("localhost:1: ")


async def test_threads(tmp_path: Path, mailbox: Open) -> None:
    box = await mailbox()
    text = f"smarthost: 'localhost:{box.port}', require_tls: false, threading: {{enabled: true, thread_by_date: "
    for by in ("none", "daily"):
        email = load(tmp_path, f"{text}{by}}}")
        await send(email, key=f"{by}1")
        await send(email, replace(batch(), now=NOW + 86_400), key=f"{by}2")
        await send(email, replace(batch(), group_key="other"), key=f"{by}3")
    roots = [m["References"] for m in box.mails]
    assert roots == [m["In-Reply-To"] for m in box.mails]
    assert roots[0] == roots[1] != roots[2]
    assert roots[3] != roots[4]
    assert roots[3].endswith("-2023-11-14@alertmanager>")
    assert len({m["Message-Id"] for m in box.mails}) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"to": "{{ .Nope }}"}, "can't evaluate field Nope"),
        ({"to": "nobody"}, "not an address or a list of them: 'nobody'"),
        ({"to": ""}, "not an address"),
        ({"sender": "a@x, b@x"}, "must be exactly one 'from' address (got: 2)"),
        ({"to": "a@x\r\nRCPT TO:<b@x>"}, "not an address"),
        ({"html": '{{ template "nope" . }}'}, 'template "nope" not defined'),
        ({"headers": {"X": "{{ index .Alerts 9 }}"}}, "index out of range: 9"),
    ],
)
async def test_what_cannot_be_written_fails_for_good(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    email = replace(load(tmp_path, "smarthost: 'localhost:1'"), **change)
    (message,) = email.messages(batch(), NOW, "k")
    assert isinstance(message, Unsendable)
    outcome = await email.send(message, None)  # type: ignore[arg-type]
    assert isinstance(outcome, Refused)
    assert said in outcome.reason


def test_headers_cannot_be_smuggled_in(tmp_path: Path) -> None:
    email = replace(load(tmp_path, "smarthost: 'localhost:1'"), headers={"X": "a\r\nBcc: evil@x\r\n\r\nbody"})
    (message,) = email.messages(batch(), NOW, "k")
    assert isinstance(message, Mail)
    assert b"X: a  Bcc: evil@x    body\r\n" in message.content


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smarthost: 'h:25', headers: {a-b: 1, A-B: 2}", "duplicate header 'A-B' in email config"),
        ("smarthost: 'h:25', threading: {enabled: true}", "must be either 'none' or 'daily'"),
        ("smarthost: 'h:25', threading: {enabled: true, thread_by_date: daily}, headers: {references: x}",
         "threading.enabled conflicts with custom References header"),
        ("smarthost: 'h:x'", "'x' is no port"),
        ("require_tls: true", "no global SMTP smarthost set"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)
    assert f"{tmp_path}/am.yml:3: receivers[0].email_configs[0]" in str(caught.value)
