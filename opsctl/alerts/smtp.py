"""Sends one mail over SMTP. What went wrong becomes an outcome. Source: alertmanager notify/email; RFC 5321, 4954."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib import SMTP

from opsctl.alerts.mail import Mail
from opsctl.alerts.receiver import Outcome, Refused, RetryAfter, Sent
from opsctl.core.http_client import CannotPrepare, secret, ssl_context
from opsctl.core.http_settings import TlsConfig


class NoWayIn(Exception):
    """The server offers no way that we may or can take: no TLS, or no mechanism that we have a secret for."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """How to reach the server. `implicit_tls`: TLS from the first byte; else `require_tls` asks for STARTTLS."""

    host: str
    port: int
    hello: str = "localhost"
    implicit_tls: bool = False
    require_tls: bool = True
    tls: TlsConfig
    root: str = ""
    username: str = ""
    password: str = ""
    password_file: str = ""
    cram_secret: str = ""
    cram_secret_file: str = ""
    identity: str = ""


async def send_mail(server: Server, mail: Mail, timeout: float) -> Outcome:
    """One connection for one mail, as Alertmanager has it; `timeout` in seconds for each step.

    Raises ConnectionError or TimeoutError when it breaks off or hangs after the content went out: nobody knows then
    whether it was taken.
    """
    try:
        context = ssl_context(server.tls, server.root)
    except CannotPrepare as error:
        return RetryAfter(str(error))
    client = SMTP(
        hostname=server.host, port=server.port, local_hostname=server.hello or None, timeout=timeout,
        use_tls=server.implicit_tls, start_tls=False, tls_context=context,
    )  # fmt: skip
    try:
        try:
            await _enter(client, server)
            await client.mail(mail.sender)
            for each in mail.recipients:
                await client.rcpt(each)
        except (aiosmtplib.SMTPException, NoWayIn, CannotPrepare, OSError) as error:
            return _outcome(error, server)
        try:
            await client.data(mail.content)
        except aiosmtplib.SMTPResponseException as error:
            return _outcome(error, server)
        return Sent()
    finally:
        await _leave(client)


async def _enter(client: SMTP, server: Server) -> None:
    """Connects, secures the connection, says who we are."""
    await client.connect()
    await client.ehlo()
    if server.require_tls and not server.implicit_tls:
        if not client.supports_extension("starttls"):
            raise NoWayIn("'require_tls' is true (default) but the server does not advertise the STARTTLS extension")
        # The name to check is the one that was asked for, where tls_config gives one.
        await client.starttls(server_hostname=server.tls.server_name or server.host)
        await client.ehlo()
    if server.username and client.supports_extension("auth"):
        await _authenticate(client, server)


async def _authenticate(client: SMTP, server: Server) -> None:
    """By the first mechanism, in the server's order, that we have a secret for."""
    offered = client.esmtp_extensions.get("auth", "").upper().split() or client.server_auth_methods
    reasons = []
    for mechanism in (m.upper() for m in offered):
        if mechanism == "CRAM-MD5":
            key = server.cram_secret or secret(server.cram_secret_file, server.root)
            if key:
                await client.auth_crammd5(server.username, key)
                return
        elif mechanism in ("PLAIN", "LOGIN"):
            key = server.password or secret(server.password_file, server.root)
            if key and mechanism == "PLAIN":
                await _plain(client, server, key)
                return
            if key:
                await client.auth_login(server.username, key)
                return
        else:
            reasons.append(f"unknown auth mechanism: {mechanism}")
            continue
        reasons.append(f"missing {'secret' if mechanism == 'CRAM-MD5' else 'password'} for {mechanism} auth mechanism")
    raise NoWayIn("; ".join(reasons) or "the server offers no way to authenticate")


async def _plain(client: SMTP, server: Server, password: str) -> None:
    """PLAIN with an identity, which the library does not send."""
    if not (client.is_connected and (server.implicit_tls or server.require_tls)) and not _local(server.host):
        raise NoWayIn("unencrypted connection: the password is not sent in the open")
    words = "\0".join((server.identity, server.username, password)).encode()
    answer = await client.execute_command(b"AUTH", b"PLAIN", base64.b64encode(words))
    if answer.code != 235:
        raise aiosmtplib.SMTPAuthenticationError(answer.code, answer.message)


def _local(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def _outcome(error: Exception, server: Server) -> Outcome:
    """4xx and what may pass by itself is tried again; 5xx is the server's last word."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        reason = f"SMTP {error.code}: {' '.join(str(error.message).split())[:200]}"
        return Refused(reason) if 500 <= error.code < 600 else RetryAfter(reason)
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return Refused(f"SMTP: {error}")
    text = str(error) or type(error).__name__
    return RetryAfter(f"{server.host}:{server.port}: {text}"[:300])


async def _leave(client: SMTP) -> None:
    """Says goodbye; a server that does not answer to it has still taken the mail."""
    try:
        if client.is_connected:
            await client.quit(timeout=2)
    except (aiosmtplib.SMTPException, OSError):
        client.close()
