"""WeChat Pay API v3's signatures, from WeChat's side, in public-key mode.

Source: WeChat Pay's API v3 signature rules. A merchant signs
`METHOD\\nPATH?QUERY\\nTIMESTAMP\\nNONCE\\nBODY\\n`; WeChat signs `TIMESTAMP\\nNONCE\\nBODY\\n`.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

SCHEME = "WECHATPAY2-SHA256-RSA2048"
SKEW_SECONDS = 300


class Refusal(Exception):
    """WeChat says no: an HTTP status, a code of its documentation, a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Signing:
    """WeChat's key pair, and what it knows of the one merchant."""

    platform_key: RSAPrivateKey
    public_key_id: str
    merchant_key: RSAPublicKey
    merchant_serial: str
    mchid: str
    apiv3_key: bytes

    def verify(self, authorization: str, method: str, target: str, body: bytes, now: float) -> None:
        """Checks a merchant's Authorization header. Raises Refusal 401 SIGN_ERROR.

        `target` is the path with its query exactly as sent, `body` the raw bytes.
        """
        scheme, _, rest = authorization.partition(" ")
        part = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme != SCHEME or not {"mchid", "nonce_str", "signature", "timestamp", "serial_no"} <= part.keys():
            raise Refusal(401, "SIGN_ERROR", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
        if part["mchid"] != self.mchid:
            raise Refusal(401, "SIGN_ERROR", "商户号与签名不匹配")
        if part["serial_no"].upper() != self.merchant_serial.upper():
            raise Refusal(401, "SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号")
        if not part["timestamp"].isdigit() or abs(now - int(part["timestamp"])) > SKEW_SECONDS:
            raise Refusal(401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        signed = f"{method}\n{target}\n{part['timestamp']}\n{part['nonce_str']}\n".encode() + body + b"\n"
        try:
            self.merchant_key.verify(b64decode(part["signature"]), signed, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError) as error:
            raise Refusal(401, "SIGN_ERROR", "签名错误，请检查后再试") from error

    def verify_call(self, parts: list[str], signature: str) -> None:
        """Checks a paySign: appid, time stamp, nonce and prepay id, a line each. Raises Refusal 403."""
        signed = "".join(f"{part}\n" for part in parts).encode()
        try:
            self.merchant_key.verify(b64decode(signature), signed, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError) as error:
            raise Refusal(403, "SIGN_ERROR", "支付验证签名失败") from error

    def headers(self, body: bytes, now: float) -> dict[str, str]:
        """The headers that sign an answer or a notification of WeChat's."""
        timestamp, nonce = str(int(now)), secrets.token_hex(16).upper()
        signature = self.platform_key.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n", PKCS1v15(), SHA256())
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": b64encode(signature).decode(),
            "Wechatpay-Serial": self.public_key_id,
            "Wechatpay-Signature-Type": SCHEME,
        }

    def seal(self, plain: bytes, associated_data: str) -> dict[str, str]:
        """A notification's `resource`: AES-256-GCM by the APIv3 key, the tag at the ciphertext's end."""
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.apiv3_key).encrypt(nonce.encode(), plain, associated_data.encode())
        return {
            "original_type": associated_data,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": b64encode(sealed).decode(),
            "associated_data": associated_data,
            "nonce": nonce,
        }
