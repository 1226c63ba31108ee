"""The third parties put together: their books, one wall, their listeners."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from platform_app.kit.config import PlatformConfig, secret
from platform_app.sandbox import keys
from platform_app.sandbox.admin import Admin
from platform_app.sandbox.alipay import notify as alipay_notify
from platform_app.sandbox.alipay.api import AlipayHost
from platform_app.sandbox.alipay.book import Book as AlipayBook
from platform_app.sandbox.alipay.book import Parties
from platform_app.sandbox.alipay.cashier import Cashier
from platform_app.sandbox.alipay.signing import Signing as AlipaySigning
from platform_app.sandbox.faults import Fault, Faults
from platform_app.sandbox.listener import Listener
from platform_app.sandbox.phone import Phone
from platform_app.sandbox.robots.dingtalk import DingTalkRobot
from platform_app.sandbox.robots.routes import Robots
from platform_app.sandbox.robots.wecom import WeComRobot
from platform_app.sandbox.sms import Account, SmsGateway
from platform_app.sandbox.store import Store
from platform_app.sandbox.wall import Wall
from platform_app.sandbox.wechat.api import WeChatHost
from platform_app.sandbox.wechat.bills import Bills
from platform_app.sandbox.wechat.book import Book
from platform_app.sandbox.wechat.notify import WAITS, Notifier
from platform_app.sandbox.wechat.signing import Signing
from platform_app.sandbox.wechat.transfers import Transfers

LOGIN_TEXT = "您的登录验证码为${code}，5分钟内有效，请勿告诉他人。"
ALERT_TEMPLATE, ALERT_TEXT = "SMS_100000002", "${severity}告警：${summary}，请尽快处理。"


@dataclass(frozen=True)
class Alipay:
    """Alipay's part of the world; there is none where a configuration does not know it."""

    book: AlipayBook
    notifier: alipay_notify.Notifier
    cashier: Cashier
    listeners: tuple[Listener, ...]


@dataclass(frozen=True)
class World:
    """All third parties of one configuration; `run` serves them until cancelled."""

    store: Store
    faults: Faults
    wall: Wall
    notifier: Notifier
    listeners: tuple[Listener, ...]
    alipay: Alipay | None

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Opens all listeners, delivers notifications. Raises OSError when a port is taken."""
        try:
            for listener in self.listeners:
                await listener.open()
            if ready is not None:
                ready.set()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.notifier.run())
                if self.alipay is not None:
                    group.create_task(self.alipay.notifier.run())
        finally:
            self.wall.end_streams()
            for listener in self.listeners:
                await listener.close()
            self.store.close()


def build_world(config: PlatformConfig, waits: Sequence[float] = WAITS) -> World:
    """The world that a platform's configuration expects to find. `waits`: between a notification's repeats, seconds."""
    places, folder = config.sandbox, Path(config.sandbox.secrets_folder)
    store = Store(folder.parent / "sandbox" / "sandbox.db")
    faults, wall, signing = Faults(), Wall(store), signing_of(config)
    book = Book(store, config.payments.appid, config.payments.mchid)
    bills = Bills(store, config.payments.appid, config.payments.mchid)
    transfers = Transfers(store, config.payments.appid, faults)
    notifier = Notifier(store, book, signing, faults, waits)

    def host(name: str, address: str) -> Listener:
        wechat = WeChatHost(name, book, bills, transfers, signing, faults, notifier.wake)
        return Listener(f"wechat {name}", address, wechat.app)

    primary, standby = host("primary", places.primary_listen), host("standby", places.standby_listen)
    _close_while_on(faults, "wechat_primary_down", primary)
    _close_while_on(faults, "wechat_standby_down", standby)
    dingtalk = DingTalkRobot(_text(folder, keys.DINGTALK_TOKEN), _text(folder, keys.DINGTALK_SECRET))
    robots = Robots(dingtalk, WeComRobot(_text(folder, keys.WECOM_KEY)), wall, faults)
    sms = SmsGateway(_account(config), store, wall)
    phone = Phone(book, signing, notifier.wake)
    alipay = _alipay(config, store, faults, waits)

    def public() -> web.Application:
        app = web.Application(client_max_size=1 << 20)
        for part in (wall, robots, sms, phone, *((alipay.cashier,) if alipay else ())):
            part.routes(app)
        return app

    front = Listener("phones", places.listen, public)
    admin = Listener(
        "admin", places.admin_listen, Admin(faults, book, bills, transfers, wall, alipay.book if alipay else None).app
    )
    listeners = (front, admin, primary, standby, *(alipay.listeners if alipay else ()))
    return World(store, faults, wall, notifier, listeners, alipay)


def _alipay(config: PlatformConfig, store: Store, faults: Faults, waits: Sequence[float]) -> Alipay | None:
    if not config.payments.alipay.app_id:
        return None
    signing = alipay_signing_of(config)
    book = AlipayBook(store, Parties(signing.app_id, signing.seller_id))
    own_waits = alipay_notify.WAITS if waits is WAITS else waits
    notifier = alipay_notify.Notifier(store, signing, faults, own_waits)

    def host(name: str, address: str) -> Listener:
        app = AlipayHost(name, book, store, signing, faults, notifier.wake).app
        return Listener(f"alipay {name}", address, app)

    places = config.sandbox
    hosts = (host("primary", places.alipay_primary_listen), host("standby", places.alipay_standby_listen))
    for name, listener in zip(("alipay_primary_down", "alipay_standby_down"), hosts, strict=True):
        _close_while_on(faults, name, listener)
    return Alipay(book, notifier, Cashier(book, signing, notifier.wake), hosts)


def _close_while_on(faults: Faults, name: str, listener: Listener) -> None:
    async def changed(fault: Fault) -> None:
        await (listener.close() if fault.on else listener.open())

    faults.on_change(name, changed)


def signing_of(config: PlatformConfig) -> Signing:
    """WeChat's keys, as they belong to the platform's."""
    pay = config.payments
    return Signing(
        platform_key=_private_key(Path(config.sandbox.secrets_folder) / keys.PLATFORM_KEY),
        public_key_id=pay.public_key_id,
        merchant_key=_private_key(Path(pay.private_key_file)).public_key(),
        merchant_serial=pay.cert_serial,
        mchid=pay.mchid,
        apiv3_key=secret(pay.apiv3_key_file).encode(),
    )


def alipay_signing_of(config: PlatformConfig) -> AlipaySigning:
    """Alipay's keys, as they belong to the platform's."""
    ali = config.payments.alipay
    return AlipaySigning(
        platform_key=_private_key(Path(config.sandbox.secrets_folder) / keys.ALIPAY_PLATFORM_KEY),
        app_key=_private_key(Path(ali.private_key_file)).public_key(),
        app_id=ali.app_id,
        seller_id=ali.seller_id,
    )


def _account(config: PlatformConfig) -> Account:
    sms = config.sms
    templates = {sms.template_code: LOGIN_TEXT, ALERT_TEMPLATE: ALERT_TEXT}
    return Account(sms.access_key_id, secret(sms.access_key_secret_file), sms.sign_name, templates)


def _private_key(path: Path) -> RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise SystemExit(f"{path}: not an RSA key")
    return key


def _text(folder: Path, name: str) -> str:
    return secret(str(folder / name))
