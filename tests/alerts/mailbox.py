"""A real SMTP server for tests: aiosmtpd, with TLS and logins, that keeps what it takes."""

from __future__ import annotations

import asyncio
import hmac
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from aiosmtpd.smtp import auth_mechanism as named

USER, PASSWORD, CRAM = "ops", "pass wörd", "cram-secret"


class Mailbox:
    """`refuse` maps a command to the answer it gets, once or always; `hold` drops the connection at it."""

    def __init__(self, tls: Path | None = None, implicit: bool = False, auth: bool = False, **more: Any) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.logins: list[tuple[str, str, str]] = []
        self.secure: list[bool] = []
        self.hellos: list[str] = []
        self.refuse: dict[str, str] = {}
        self._context = _context(tls) if tls else None
        self._implicit, self._auth, self._more = implicit, auth, more

    async def start(self) -> None:
        starttls = None if self._implicit else self._context
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Smtp(
                self, hostname="mail.test", tls_context=starttls, auth_required=self._auth,
                auth_require_tls=self._context is not None and not self._implicit, authenticator=self._check,
                enable_SMTPUTF8=False, **self._more,
            ), "127.0.0.1", 0, ssl=self._context if self._implicit else None,
        )  # fmt: skip
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _check(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        login, password = data.login.decode(), data.password.decode()
        self.logins.append((mechanism, login, password))
        return AuthResult(success=(login, password) == (USER, PASSWORD), handled=False)

    # -- aiosmtpd's hooks

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, name: str, lines: list[str]) -> Any:
        self.hellos.append(name)
        session.host_name = name
        return lines

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if "MAIL" in self.refuse:
            return self.refuse["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if "RCPT" in self.refuse:
            return self.refuse["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        assert isinstance(envelope.content, bytes)
        if "HANG" in self.refuse:
            await asyncio.sleep(5)
        if "DROP" in self.refuse:
            assert server.transport is not None
            server.transport.abort()
        self.envelopes.append(envelope)
        self.secure.append(session.ssl is not None or self._implicit)
        made = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        return "250 taken"


class _Smtp(SMTP):
    """aiosmtpd's server, and CRAM-MD5, which it leaves to others."""

    @named("CRAM-MD5")
    async def auth_CRAM__MD5(self, server: SMTP, args: list[str]) -> AuthResult:
        answer = await self.challenge_auth("<1896.697170952@mail.test>")
        assert isinstance(answer, bytes)
        user, _, digest = answer.decode().partition(" ")
        right = hmac.new(CRAM.encode(), b"<1896.697170952@mail.test>", "md5").hexdigest()
        self.event_handler.logins.append(("CRAM-MD5", user, ""))
        return AuthResult(success=(user, digest) == (USER, right), handled=False)


def _context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context
