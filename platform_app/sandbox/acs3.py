"""Aliyun's ACS3-HMAC-SHA256, checked from Aliyun's side.

Source: Alibaba Cloud, "V3 request structure and signature": the string to sign is the
algorithm and the SHA-256 of method, path, sorted query, signed headers and payload hash.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

ALGORITHM = "ACS3-HMAC-SHA256"
SKEW_SECONDS = 900


class Acs3Error(Exception):
    """The gateway refuses a call: an HTTP status, a code of its documentation, a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def verify(
    authorization: str,
    headers: Mapping[str, str],
    query: Sequence[tuple[str, str]],
    body: bytes,
    key_id: str,
    secret: str,
    now: float,
) -> None:
    """Checks a signed `POST /` call; `headers` by lower-case name, `query` decoded. Raises Acs3Error."""
    match = re.fullmatch(
        rf"{ALGORITHM} Credential=([^,]+),\s?SignedHeaders=([^,]+),\s?Signature=([0-9a-f]+)", authorization
    )
    if match is None:
        raise Acs3Error(400, "IncompleteSignature", "The request signature does not conform to Aliyun standards.")
    credential, signed, signature = match.groups()
    if credential != key_id:
        raise Acs3Error(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    _check_date(headers.get("x-acs-date", ""), now)
    digest = sha256(body).hexdigest()
    if headers.get("x-acs-content-sha256", "") != digest:
        raise Acs3Error(400, "SignatureDoesNotMatch", "The x-acs-content-sha256 does not match the request body.")
    names = signed.split(";")
    if not {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"} <= set(names):
        raise Acs3Error(400, "IncompleteSignature", "Required headers are not signed.")
    canonical = "\n".join(
        ("POST", "/", _query(query), "".join(f"{n}:{headers.get(n, '').strip()}\n" for n in names), signed, digest)
    )
    expected = hmac.digest(secret.encode(), f"{ALGORITHM}\n{sha256(canonical.encode()).hexdigest()}".encode(), sha256)
    if not hmac.compare_digest(expected.hex(), signature):
        raise Acs3Error(400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")


def _query(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(pairs))


def _check_date(text: str, now: float) -> None:
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Acs3Error(
            400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
        ) from error
    if abs(now - at) > SKEW_SECONDS:
        raise Acs3Error(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
