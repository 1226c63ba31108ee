"""A mail: from rendered texts to the bytes that go over SMTP. Pure. Source: RFC 5322, 2045, 2046; alertmanager email."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.policy import SMTP
from email.quoprimime import body_encode
from email.utils import format_datetime, getaddresses
from hashlib import sha256

_BREAKS = str.maketrans({"\r": " ", "\n": " "})


@dataclass(frozen=True)
class Mail:
    """One mail on its way: envelope and content."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


def addresses(text: str) -> tuple[str, ...]:
    """The addresses of a header's value, without names. Raises ValueError."""
    text = text.strip()
    if any(ord(char) < 32 for char in text):
        raise ValueError(f"not an address or a list of them: {text!r}")
    found = [address for _, address in getaddresses([text])]
    if not found or not all(_is_address(each) for each in found):
        raise ValueError(f"not an address or a list of them: {text!r}")
    return tuple(found)


def _is_address(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain) and text.isascii() and not any(c.isspace() or c in "<>,\0" for c in text)


def content(headers: dict[str, str], text: str, html: str, now: float, mail_id: str) -> bytes:
    """The message: the headers, then text and html as alternatives, html last since it is the better one.

    `mail_id` makes boundary and Message-Id, so that a mail that is sent again is the same mail.
    """
    mark = sha256(mail_id.encode()).hexdigest()[:32]
    whole = MIMEMultipart("alternative", boundary=f"=_{mark}")
    del whole["MIME-Version"]
    given = {"Message-Id": f"<{mark}@opsctl>", "Date": format_datetime(datetime.fromtimestamp(now, UTC)), **headers}
    for name, value in given.items():
        plain = value.translate(_BREAKS)
        simple = plain.isascii() and len(plain) < 900
        whole[name] = plain if simple else Header(plain, "utf-8", header_name=name).encode()
    whole["MIME-Version"] = "1.0"
    for kind, body in (("plain", text), ("html", html)):
        if body:
            whole.attach(_part(kind, body))
    return whole.as_bytes(policy=SMTP)


def _part(kind: str, body: str) -> Message:
    part = Message()
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part["Content-Type"] = f"text/{kind}; charset=UTF-8"
    raw = body.encode().decode("latin-1")
    part.set_payload(body_encode(raw, maxlinelen=76, eol="\n"))
    return part


def thread(group_key: str, day: str) -> str:
    """The id that all mails of one group (of one day, if given) answer to; no mail has it.

    Mail programs make a thread of those that name the same one.
    """
    return f"<alert-{sha256(group_key.encode()).hexdigest()[:16]}-{day}@alertmanager>"
