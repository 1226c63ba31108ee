"""A MariaDB or MySQL server, with mysqld_exporter's names: status counters, settings, replication."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pymysql
from prometheus_client.metrics_core import Metric

from collectors.families import counters, gauge, gauges, info, untyped
from collectors.urls import MysqlAccount, mysql_account

_GROUPED = re.compile(r"^(com|handler|connection_errors|innodb_buffer_pool_pages|innodb_rows|performance_schema)_(.*)$")
_GROUPS = {
    # prefix: (metric, label, help). Source: mysqld_exporter collector/global_status.go.
    "com": ("commands_total", "command", "Total number of executed MySQL commands."),
    "handler": ("handlers_total", "handler", "Total number of executed MySQL handlers."),
    "connection_errors": ("connection_errors_total", "error", "Total number of MySQL connection errors."),
    "innodb_rows": ("innodb_row_ops_total", "operation", "Total number of MySQL InnoDB row operations."),
    "performance_schema": (
        "performance_schema_lost_total", "instrumentation",
        "Total number of MySQL instrumentations that could not be loaded or created due to memory constraints.",
    ),
}  # fmt: skip
_WORDS = {"on": 1.0, "yes": 1.0, "off": 0.0, "no": 0.0, "disabled": 0.0, "enabled": 1.0,
          "connecting": 0.0, "primary": 1.0, "disconnected": 0.0, "connected": 1.0}  # fmt: skip
_VERSION = ("innodb_version", "version", "version_comment")


class MariadbCollector:
    """Asks the server of `url`. One that does not answer is mysql_up 0, never an exception."""

    def __init__(self, url: str, timeout: float = 3.0) -> None:
        self._account = mysql_account(url)
        self._timeout = timeout

    def collect(self) -> Iterator[Metric]:
        try:
            with closing(connect(self._account, self._timeout)) as connection:
                status = _pairs(connection, "SHOW GLOBAL STATUS")
                variables = _pairs(connection, "SHOW GLOBAL VARIABLES")
                replicas = _replicas(connection)
        except pymysql.MySQLError:
            yield gauge("mysql_up", "Whether the MySQL server is up.", 0.0)
            return
        yield gauge("mysql_up", "Whether the MySQL server is up.", 1.0)
        yield from global_status(status)
        yield from global_variables(variables)
        yield from slave_status(replicas)


def connect(account: MysqlAccount, timeout: float) -> Any:
    """A pymysql connection with every wait bounded by `timeout` seconds."""
    return pymysql.connect(
        host=account.host, port=account.port, user=account.user, password=account.password,
        database=account.database or None, charset="utf8mb4", autocommit=True,
        connect_timeout=max(1, round(timeout)), read_timeout=timeout, write_timeout=timeout,
    )  # fmt: skip


def _pairs(connection: Any, sql: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {str(name).lower(): str(value) for name, value in cursor.fetchall()}


def _replicas(connection: Any) -> list[dict[str, Any]]:
    """SHOW SLAVE STATUS; an account without the right for it has no replication figures."""
    with connection.cursor(pymysql.cursors.DictCursor) as cursor:
        try:
            cursor.execute("SHOW SLAVE STATUS")
        except pymysql.OperationalError:
            return []
        return list(cursor.fetchall())


def number(text: str) -> float | None:
    """A status value as a number: ON and Yes are 1, OFF and No 0, other words None."""
    try:
        return float(text)
    except ValueError:
        return _WORDS.get(text.lower())


def global_status(status: Mapping[str, str]) -> Iterator[Metric]:
    """mysql_global_status_*: grouped counters where mysqld_exporter groups, else untyped as there."""
    grouped: dict[str, list[tuple[tuple[str], float]]] = defaultdict(list)
    pages: list[tuple[tuple[str], float]] = []
    for name, text in status.items():
        value = number(text)
        if value is None:
            continue
        match = _GROUPED.match(name)
        if match and match[1] == "innodb_buffer_pool_pages":
            if match[2] in ("data", "free", "misc", "old"):
                pages.append(((match[2],), value))
            else:
                yield gauge(f"mysql_global_status_{name}", f"Generic gauge metric from SHOW GLOBAL STATUS: {name}.",
                            value)  # fmt: skip
        elif match:
            grouped[match[1]].append(((match[2],), value))
        else:
            yield untyped(f"mysql_global_status_{name}", "Generic metric from SHOW GLOBAL STATUS.", value)
    if pages:
        text = "Innodb buffer pool pages by state."
        yield gauges("mysql_global_status_buffer_pool_pages", text, ("state",), pages)
    for prefix, rows in grouped.items():
        metric, label, text = _GROUPS[prefix]
        yield counters(f"mysql_global_status_{metric}", text, (label,), rows)


def global_variables(variables: Mapping[str, str]) -> Iterator[Metric]:
    """mysql_global_variables_* for those that are numbers, and mysql_version_info."""
    for name, text in variables.items():
        value = number(text)
        if value is not None and re.fullmatch(r"[a-z0-9_]+", name):
            yield gauge(f"mysql_global_variables_{name}", "Generic gauge metric from SHOW GLOBAL VARIABLES.", value)
    labels = {name: variables.get(name, "") for name in _VERSION}
    yield info("mysql_version_info", "MySQL version and distribution.", labels)


def slave_status(replicas: list[dict[str, Any]]) -> Iterator[Metric]:
    """mysql_slave_status_*{master_host,master_uuid,channel_name,connection_name}."""
    labels = ("master_host", "master_uuid", "channel_name", "connection_name")
    rows: dict[str, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
    for replica in replicas:
        fields = {key.lower(): value for key, value in replica.items()}
        who = tuple(str(fields.get(label, "") or "") for label in labels)
        for name, raw in fields.items():
            value = number(str(raw)) if raw is not None else None
            if value is not None:
                rows[name].append((who, value))
    for name, found in rows.items():
        yield gauges(f"mysql_slave_status_{name}", "Generic metric from SHOW SLAVE STATUS.", labels, found)
