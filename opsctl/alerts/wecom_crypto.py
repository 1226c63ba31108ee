"""WeCom's callbacks: signed by SHA-1 over a shared token, encrypted by AES-256-CBC.

Source: https://developer.work.weixin.qq.com/document/path/90968
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from opsctl.core.errors import Forbidden

_BLOCK = 32
_FRESH_SECONDS = 600.0


class CallbackCrypto:
    """One app's token and key; `corp_id` is checked inside each message. Raises ValueError for a key of another shape."""

    def __init__(self, token: str, aes_key: str, corp_id: str) -> None:
        self._token, self._corp = token, corp_id.encode()
        self._key = base64.b64decode(aes_key + "=", validate=True)
        if len(self._key) != 32:
            raise ValueError("an EncodingAESKey has 43 characters")

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str, now: float) -> bytes:
        """The message inside. Raises Forbidden for one that is forged, old or broken."""
        if not hmac.compare_digest(
            self.sign(timestamp, nonce, encrypted), signature.encode("ascii", "replace").decode()
        ):
            raise Forbidden("the callback's signature is wrong")
        if not timestamp.isdigit() or abs(now - int(timestamp[:15])) > _FRESH_SECONDS:
            raise Forbidden("the callback is too old")
        return self._decrypt(encrypted)

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """sha1 of the four, sorted and joined."""
        joined = "".join(sorted((self._token, timestamp, nonce, encrypted)))
        return hashlib.sha1(joined.encode("utf-8", "replace")).hexdigest()

    def seal(self, message: bytes, random: bytes) -> str:
        """The reverse of `open`'s decryption; `random`: 16 bytes."""
        plain = random[:16] + len(message).to_bytes(4, "big") + message + self._corp
        fill = _BLOCK - len(plain) % _BLOCK
        cipher = self._cipher().encryptor()
        return base64.b64encode(cipher.update(plain + bytes([fill]) * fill) + cipher.finalize()).decode()

    def _decrypt(self, encrypted: str) -> bytes:
        try:
            raw = base64.b64decode(encrypted, validate=True)
            cipher = self._cipher().decryptor()
            plain = cipher.update(raw) + cipher.finalize()
        except (binascii.Error, ValueError) as error:
            raise Forbidden("the callback cannot be decrypted") from error
        plain = plain[: -plain[-1]] if plain and 1 <= plain[-1] <= _BLOCK else b""
        length = int.from_bytes(plain[16:20], "big")
        message, corp = plain[20 : 20 + length], plain[20 + length :]
        if len(plain) < 20 or len(message) != length or corp != self._corp:
            raise Forbidden("the callback is not for this company")
        return message

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))
