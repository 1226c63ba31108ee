"""The keys that the platform and its third parties share: made once, kept for ever."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

MERCHANT_KEY = "wechat_merchant_key.pem"
PLATFORM_KEY = "wechat_platform_key.pem"
PUBLIC_KEY = "wechat_public_key.pem"
ALIPAY_APP_KEY = "alipay_app_key.pem"
ALIPAY_PLATFORM_KEY = "alipay_platform_key.pem"
ALIPAY_PUBLIC_KEY = "alipay_public_key.pem"
APIV3_KEY = "wechat_apiv3_key"
SMS_SECRET = "sms_access_key_secret"
DINGTALK_TOKEN = "dingtalk_token"
DINGTALK_SECRET = "dingtalk_secret"
WECOM_KEY = "wecom_key"


def make_keys(folder: Path) -> None:
    """Makes those keys in `folder` that are missing; what is there stays. Files are mode 0600.

    A merchant has his own key pair and the channel's public key; here both sides are
    ours, so the channel's private key stands beside them for the sandbox alone.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (MERCHANT_KEY, PLATFORM_KEY, ALIPAY_APP_KEY, ALIPAY_PLATFORM_KEY):
        if not (folder / name).exists():
            _write(folder / name, _private_pem())
    for public, private in ((PUBLIC_KEY, PLATFORM_KEY), (ALIPAY_PUBLIC_KEY, ALIPAY_PLATFORM_KEY)):
        if not (folder / public).exists():
            _write(folder / public, _public_pem((folder / private).read_bytes()))
    texts = {
        APIV3_KEY: secrets.token_hex(16),  # APIv3 keys are 32 bytes of text
        SMS_SECRET: secrets.token_urlsafe(24),
        DINGTALK_TOKEN: "demo-token",
        DINGTALK_SECRET: "SEC" + secrets.token_hex(32),
        WECOM_KEY: secrets.token_hex(16),
    }
    for name, text in texts.items():
        if not (folder / name).exists():
            _write(folder / name, text.encode())


def _private_pem() -> bytes:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public_pem(private_pem: bytes) -> bytes:
    key = load_pem_private_key(private_pem, password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
