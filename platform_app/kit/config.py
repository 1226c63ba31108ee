"""The platform's configuration: one frozen object from a versioned folder, taken anew without a restart.

The folder holds `versions/0001.yml …` and `current`, a file with the name of the version in force.
A version that does not parse is refused and the last good one stays.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

T = TypeVar("T")


class ConfigError(Exception):
    """A configuration version cannot be read or is wrong; the text names the file and the keys."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def section(cls: type[T]) -> type[T]:
    """Makes a section class: a frozen dataclass whose unknown keys are refused."""
    cls.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"not HOST:PORT: {text!r}")
    return text


Address = Annotated[str, AfterValidator(_address)]


LATER = {"settlement": "127.0.0.1:8619"}
"""Services that came after the first configurations: where those that do not name them find them."""


def _with_later(services: dict[str, str]) -> dict[str, str]:
    return {**services, **{name: at for name, at in LATER.items() if name not in services}}


Services = Annotated[dict[str, Address], AfterValidator(_with_later)]


def host_port(address: str) -> tuple[str, int]:
    """Splits `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


@section
class Edge:
    """The door. Limits are token buckets a minute: a client address, a logged-in user; 0 = no limit."""

    listen: Address = "127.0.0.1:8080"
    admin_listen: Address = "127.0.0.1:8618"
    rate_limit_per_minute: int = 12_000
    user_rate_limit_per_minute: int = 1_200
    timeout_seconds: float = 10.0
    max_body_bytes: int = 12_000_000


@section
class Jwt:
    """Login tokens: HS256 by the secret in the file.

    An access token counts for minutes; a refresh token for days after its last use, a login for `login_days` at most.
    `hours`: of versions written before there were refresh tokens; read by nobody.
    """

    secret_file: str
    hours: int = 24
    access_minutes: Annotated[float, Field(gt=0, le=1440)] = 15
    refresh_days: Annotated[float, Field(gt=0, le=365)] = 30
    login_days: Annotated[float, Field(gt=0, le=3650)] = 180
    refresh_grace_seconds: Annotated[int, Field(ge=0, le=300)] = 30

    @property
    def access_seconds(self) -> int:
        """How long an access token counts, in whole seconds."""
        return max(1, int(self.access_minutes * 60))


@section
class Internal:
    """Calls between services carry the bearer token in the file."""

    token_file: str


@section
class Sms:
    """Aliyun SMS (ACS3). `endpoint` is HOST:PORT, `protocol` http for a loopback stand-in."""

    endpoint: str
    access_key_id: str
    access_key_secret_file: str
    sign_name: str
    template_code: str
    protocol: Literal["http", "https"] = "https"
    timeout_seconds: float = 3.0


@section
class Users:
    """Codes by SMS: how long one counts, how many wrong tries, how many a phone, a device, a client address and all
    together may ask for; 0 = no limit. Also how much one person may keep: addresses, devices logged in."""

    code_ttl_seconds: int = 300
    code_interval_seconds: int = 60
    codes_per_day: int = 10
    code_attempts: int = 5
    codes_per_device_per_day: Annotated[int, Field(ge=0)] = 20
    codes_per_address_per_hour: Annotated[int, Field(ge=0)] = 300
    codes_in_all_per_day: Annotated[int, Field(ge=0)] = 100_000
    addresses: Annotated[int, Field(ge=1, le=100)] = 20
    devices: Annotated[int, Field(ge=1, le=100)] = 20


@section
class Alipay:
    """Alipay: which of its hosts, our application and seller, our and their keys. Not used while `app_id` is empty."""

    gateway: Literal["primary", "standby"] = "primary"
    hosts: dict[str, str] = dataclasses.field(default_factory=dict)
    app_id: str = ""
    seller_id: str = ""
    private_key_file: str = ""
    public_key_file: str = ""
    notify_url: str = ""
    return_url: str = ""


@section
class Payments:
    """WeChat Pay: which of its hosts, our merchant, our and their keys; Alipay; what both obey.

    A host whose last `breaker_failures` calls failed is left alone for `breaker_seconds`.
    """

    gateway: Literal["primary", "standby"] = "primary"
    hosts: dict[str, str] = dataclasses.field(default_factory=dict)
    mchid: str = ""
    appid: str = ""
    apiv3_key_file: str = ""
    private_key_file: str = ""
    cert_serial: str = ""
    public_key_file: str = ""
    public_key_id: str = ""
    timeout_seconds: float = 2.0
    notify_url: str = ""
    alipay: Alipay = dataclasses.field(default_factory=Alipay)
    breaker_failures: int = 8
    breaker_seconds: float = 3.0
    min_top_up_fen: int = 100
    max_top_up_fen: int = 500_000


@section
class Orders:
    """The rules of an order. Money in fen; cancelling is free until `free_cancel_hours` before the start.

    Between two jobs lie `buffer_minutes` and the way at `travel_kmh`, never less than `travel_minutes`.
    """

    hold_minutes: float = 15
    min_order_fen: int = 1_000
    max_order_fen: int = 1_000_000
    travel_minutes: int = 30
    buffer_minutes: int = 10
    travel_kmh: int = 20
    min_notice_minutes: int = 60
    max_days_ahead: int = 30
    free_cancel_hours: float = 2
    expiry_interval_seconds: float = 2
    offering_cache_seconds: float = 15
    upstream_timeout_seconds: float = 2.0


@section
class Storage:
    """The object folder and what may lie in it."""

    folder: str
    quota_bytes: int = 64_000_000
    tmp_hours: float = 24


@section
class Messages:
    """In-app messages."""

    retention_days: int = 90


@section
class Settlement:
    """Commissions in 1/10000 of the price (`commission_rates` by category name), providers' money, reconciliation.

    Earnings become available `hold_days` after completion. The bill of a day is fetched on the next, from
    `reconcile_hour` (Asia/Shanghai) on.
    """

    commission_rate: Annotated[int, Field(ge=0, le=10_000)] = 1_500
    commission_rates: dict[str, Annotated[int, Field(ge=0, le=10_000)]] = dataclasses.field(default_factory=dict)
    hold_days: Annotated[float, Field(ge=0, le=365)] = 7
    min_withdrawal_fen: Annotated[int, Field(ge=1)] = 1_000
    max_withdrawal_fen: Annotated[int, Field(ge=1)] = 5_000_000
    transfer_scene_id: str = "1005"
    reconcile_hour: Annotated[int, Field(ge=0, le=23)] = 10
    bill_timeout_seconds: float = 20.0


@section
class Traffic:
    """The traffic generator."""

    rate_per_second: float = 5
    seed: int = 20260101
    listen: Address = "127.0.0.1:8617"


@section
class Sandbox:
    """Loopback stand-ins of third parties. `secrets_folder`: the keys that their side needs."""

    listen: Address = "127.0.0.1:8600"
    primary_listen: Address = "127.0.0.1:8603"
    standby_listen: Address = "127.0.0.1:8604"
    alipay_primary_listen: Address = "127.0.0.1:8605"
    alipay_standby_listen: Address = "127.0.0.1:8606"
    admin_listen: Address = "127.0.0.1:8602"
    secrets_folder: str = ""


@section
class Logs:
    """ECS JSON logs, one rotated file a service; '' writes to stderr only."""

    folder: str = ""
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


@section
class PlatformConfig:
    """All of one version; `version` is its number (the file's name)."""

    version: int = 0
    database_url: str
    services: Services
    jwt: Jwt
    internal: Internal
    sms: Sms
    storage: Storage
    edge: Edge = dataclasses.field(default_factory=Edge)
    users: Users = dataclasses.field(default_factory=Users)
    payments: Payments = dataclasses.field(default_factory=Payments)
    orders: Orders = dataclasses.field(default_factory=Orders)
    messages: Messages = dataclasses.field(default_factory=Messages)
    settlement: Settlement = dataclasses.field(default_factory=Settlement)
    traffic: Traffic = dataclasses.field(default_factory=Traffic)
    sandbox: Sandbox = dataclasses.field(default_factory=Sandbox)
    logs: Logs = dataclasses.field(default_factory=Logs)

    def url(self, service: str) -> str:
        """The base URL of a service, e.g. `http://127.0.0.1:8614`."""
        return f"http://{self.services[service]}"


_adapter: TypeAdapter[PlatformConfig] = TypeAdapter(PlatformConfig)


def parse_config(text: str, version: int, name: str = "configuration") -> PlatformConfig:
    """One version's YAML text as a frozen object. Raises ConfigError that names every wrong key."""
    try:
        data: Any = yaml.safe_load(text)
        if not isinstance(data, dict):
            raise ConfigError(f"{name}: not a mapping")
        return _adapter.validate_python({**data, "version": version})
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{name}: {wrong}") from error


class ConfigFolder:
    """The versioned folder. `config` is the version in force; `poll` takes a new one.

    Opening it raises ConfigError when the version in force is wrong; later a wrong one is only refused.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refused = 0
        self.refusal = ""
        self._seen = self._name()
        self._config = self._load(self._seen)
        self._changed: list[Callable[[PlatformConfig, PlatformConfig], None]] = []

    @classmethod
    def from_environment(cls) -> ConfigFolder:
        """The folder that the environment variable PLATFORM_CONFIG names."""
        path = os.environ.get("PLATFORM_CONFIG")
        if not path:
            raise ConfigError("PLATFORM_CONFIG is not set: it names the configuration folder")
        return cls(Path(path))

    @property
    def config(self) -> PlatformConfig:
        return self._config

    def on_change(self, call: Callable[[PlatformConfig, PlatformConfig], None]) -> None:
        """`call(old, new)` after each version taken."""
        self._changed.append(call)

    def poll(self) -> bool:
        """Takes the version that `current` names, if it is another one. True when taken; a bad one raises once."""
        name = self._name()
        if name == self._seen:
            return False
        self._seen = name
        try:
            new = self._load(name)
        except ConfigError as error:
            self.refused += 1
            self.refusal = str(error)
            raise
        old, self._config, self.refusal = self._config, new, ""
        for call in self._changed:
            call(old, new)
        return True

    def _name(self) -> str:
        try:
            return (self.path / "current").read_text().strip()
        except OSError as error:
            raise ConfigError(f"{self.path / 'current'} cannot be read: {error}") from error

    def _load(self, name: str) -> PlatformConfig:
        file = self.path / "versions" / f"{name}.yml"
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} cannot be read: {error}") from error
        if not name.isdigit():
            raise ConfigError(f"{self.path / 'current'}: {name!r} is not a version number")
        return parse_config(text, int(name), str(file))


def secret(path: str) -> str:
    """The text of a secret file, without the newline at its end; read again only when the file changed."""
    stamp = os.stat(path).st_mtime_ns
    cached = _secrets.get(path)
    if cached is None or cached[0] != stamp:
        cached = (stamp, Path(path).read_text().strip())
        _secrets[path] = cached
    return cached[1]


_secrets: dict[str, tuple[int, str]] = {}
