"""Alipay's RSA2 signatures, from Alipay's side.

Source: Alipay open platform, "signature": all parameters but `sign`, sorted, `k=v` joined by `&`, SHA256withRSA.
A request's `sign_type` is signed, a notification's is not; an answer's signature covers the raw text of its node.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256


class Refusal(Exception):
    """Alipay says no: a gateway code (40004: a business reason), a sub_code of its documentation, a sentence."""

    def __init__(self, sub_code: str, sub_msg: str, code: str = "40004", msg: str = "Business Failed") -> None:
        super().__init__(sub_msg)
        self.code, self.msg, self.sub_code, self.sub_msg = code, msg, sub_code, sub_msg

    def node(self) -> dict[str, str]:
        return {"code": self.code, "msg": self.msg, "sub_code": self.sub_code, "sub_msg": self.sub_msg}


def invalid(sub_code: str, sub_msg: str) -> Refusal:
    """A request that Alipay does not understand or trust."""
    return Refusal(sub_code, sub_msg, "40002", "Invalid Arguments")


def text_of(parameters: Mapping[str, str], *left_out: str) -> bytes:
    """What is signed of parameters: sorted, blank ones and `left_out` dropped."""
    kept = sorted((k, v) for k, v in parameters.items() if v != "" and k not in left_out)
    return "&".join(f"{k}={v}" for k, v in kept).encode()


@dataclass(frozen=True)
class Signing:
    """Alipay's private key, and what it knows of the one application and its seller."""

    platform_key: RSAPrivateKey
    app_key: RSAPublicKey
    app_id: str
    seller_id: str

    def verify(self, parameters: Mapping[str, str]) -> None:
        """Checks a merchant's request. Raises Refusal 40002."""
        if parameters.get("app_id") != self.app_id:
            raise invalid("isv.invalid-app-id", "无效的AppID参数")
        if parameters.get("sign_type") != "RSA2":
            raise invalid("isv.invalid-signature-type", "无效的签名类型")
        try:
            signature = b64decode(parameters.get("sign", ""), validate=True)
            self.app_key.verify(signature, text_of(parameters, "sign"), PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError) as error:
            raise invalid("isv.invalid-signature", "验签出错，请确认charset、sign_type和密钥是否正确") from error

    def sign(self, data: bytes) -> str:
        return b64encode(self.platform_key.sign(data, PKCS1v15(), SHA256())).decode()

    def notification(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """A notification's parameters with `sign_type` and `sign`."""
        signed = self.sign(text_of(parameters, "sign", "sign_type"))
        return {**parameters, "sign_type": "RSA2", "sign": signed}

    def forged(self) -> Signing:
        """As somebody would sign who does not have Alipay's key."""
        return replace(self, platform_key=generate_private_key(public_exponent=65537, key_size=2048))
