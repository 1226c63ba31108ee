"""Database URLs: sqlite:///path and mysql://user:password@host:port/name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from collectors.errors import CollectorError


@dataclass(frozen=True)
class MysqlAccount:
    """Where a MySQL or MariaDB server is, and who we are there."""

    host: str
    port: int
    user: str
    password: str
    database: str


def sqlite_path(url: str) -> Path:
    """The file of `sqlite:///relative` or `sqlite:////absolute`."""
    scheme, _, rest = url.partition(":///")
    if not scheme.startswith("sqlite") or not rest:
        raise CollectorError("not a SQLite URL", "expected sqlite:///FILE")
    return Path(unquote(rest.partition("?")[0]))


def mysql_account(url: str) -> MysqlAccount:
    """The account in `mysql://…` or `mariadb://…`. The password is never part of an error."""
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in ("mysql", "mariadb") or not parts.hostname:
        raise CollectorError("not a MySQL URL", "expected mysql://USER:PASSWORD@HOST:PORT/DATABASE")
    return MysqlAccount(
        parts.hostname, parts.port or 3306, unquote(parts.username or ""), unquote(parts.password or ""),
        parts.path.lstrip("/"),
    )  # fmt: skip


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")
