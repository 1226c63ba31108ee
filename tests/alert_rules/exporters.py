"""The field's exporters on real servers, in the states that our rules ask about. Each yields the targets to scrape."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest
import requests

from tests.servers import ROOT, answers, elasticsearch, free_port, http_ok, mariadb, need, started, wait_for

JMX = "jmx_prometheus_javaagent-1.0.1.jar"


@dataclass(frozen=True)
class Page:
    """One target: a page, and the module of a multi-target exporter."""

    address: str
    path: str = "/metrics"
    params: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        query = "&".join(f"{k}={v}" for k, v in self.params)
        return f"http://{self.address}{self.path}{'?' if query else ''}{query}"


@contextmanager
def _exporter(folder: Path, name: str, *arguments: str, dash: str = "--", **env: str) -> Iterator[Page]:
    address = f"127.0.0.1:{free_port()}"
    command = [need(f"prometheus-{name}-exporter"), f"{dash}web.listen-address={address}", *arguments]
    log = folder / f"{name}-{address[-5:]}.log"
    with started(command, lambda: http_ok(f"http://{address}/metrics"), log, env={**os.environ, **env}):
        yield Page(address)


@contextmanager
def node(folder: Path) -> Iterator[Sequence[Page]]:
    with _exporter(folder, "node") as page:
        yield [page]


@contextmanager
def mysqld(folder: Path) -> Iterator[Sequence[Page]]:
    """A source and its replica, which runs, and beside it one that has stopped."""
    need("prometheus-mysqld-exporter")
    for name in ("source", "replica", "stopped"):
        (folder / name).mkdir()
    with (
        mariadb(folder / "source", "--log-bin", "--server-id=1") as source,
        mariadb(folder / "replica", "--server-id=2") as replica,
        mariadb(folder / "stopped", "--server-id=3") as stopped,
    ):
        for one in (replica, stopped):
            _follow(one.port, source.port)
        _sql(stopped.port, "STOP SLAVE")
        flag = "--collect.info_schema.innodb_metrics"
        dsns = [f"root@tcp(127.0.0.1:{one.port})/" for one in (replica, stopped)]
        with (
            _exporter(folder, "mysqld", flag, DATA_SOURCE_NAME=dsns[0]) as one,
            _exporter(folder, "mysqld", flag, DATA_SOURCE_NAME=dsns[1]) as other,
        ):
            yield [one, other]


def _follow(port: int, source: int) -> None:
    where = f"MASTER_HOST='127.0.0.1', MASTER_PORT={source}, MASTER_USER='root', MASTER_USE_GTID=slave_pos"
    _sql(port, f"CHANGE MASTER TO {where}", "START SLAVE")
    wait_for(lambda: _running(port), 20, "replication")


def _running(port: int) -> bool:
    with pymysql.connect(host="127.0.0.1", port=port, user="root", cursorclass=pymysql.cursors.DictCursor) as server:
        with server.cursor() as cursor:
            cursor.execute("SHOW SLAVE STATUS")
            row = cursor.fetchone() or {}
        return row.get("Seconds_Behind_Master") is not None


def _sql(port: int, *statements: str) -> None:
    with pymysql.connect(host="127.0.0.1", port=port, user="root") as server, server.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def redis(folder: Path) -> Iterator[Sequence[Page]]:
    """A primary with a limit of memory, and its replica."""
    server, (one, other) = need("redis-server"), (free_port(), free_port())
    need("prometheus-redis-exporter")
    common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
    commands = [
        [server, *common, "--port", str(one), "--dir", _made(folder / "one"), "--maxmemory", "50mb"],
        [server, *common, "--port", str(other), "--dir", _made(folder / "other"), "--replicaof", f"127.0.0.1 {one}"],
    ]
    with (
        started(commands[0], lambda: answers(one), folder / "one.log"),
        started(commands[1], lambda: answers(other), folder / "other.log"),
        _exporter(folder, "redis", f"-redis.addr=redis://127.0.0.1:{one}", dash="-") as first,
        _exporter(folder, "redis", f"-redis.addr=redis://127.0.0.1:{other}", dash="-") as second,
    ):
        yield [first, second]


@contextmanager
def nginx(folder: Path) -> Iterator[Sequence[Page]]:
    need("prometheus-nginx-exporter")
    with (
        _nginx(folder, "location /stub_status { stub_status; }") as address,
        _exporter(folder, "nginx", f"-nginx.scrape-uri=http://{address}/stub_status", dash="-") as page,
    ):
        yield [page]


@contextmanager
def _nginx(folder: Path, inside: str, tls: str = "") -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {''.join(f'{n}_temp_path {folder}/{n};' for n in _TEMPORARY)}\n"
        f"server {{ listen {address} {tls}; {inside} }} }}\n"
    )
    port = int(address.rsplit(":", 1)[1])
    with started([need("nginx"), "-c", conf, "-e", folder / "error.log"], lambda: answers(port), folder / "nginx.log"):
        yield address


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextmanager
def elastic(folder: Path) -> Iterator[Sequence[Page]]:
    """A node with an index of one document, whose replica has no place."""
    need("prometheus-elasticsearch-exporter")
    flags = ("--es.all", "--es.indices", "--es.shards")
    with elasticsearch(folder) as url:
        requests.post(f"{url}/logs/_doc?refresh=true", json={"a": 1}, timeout=30).raise_for_status()
        with _exporter(folder, "elasticsearch", f"--es.uri={url}", *flags) as page:
            yield [page]


@contextmanager
def blackbox(folder: Path) -> Iterator[Sequence[Page]]:
    """Probes of a page over TLS and of a name server that does not answer."""
    need("prometheus-blackbox-exporter")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    make = f"req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=localhost -keyout {key} -out {certificate}"
    subprocess.run([need("openssl"), *make.split()], check=True, capture_output=True)
    modules = folder / "blackbox.yml"
    modules.write_text(
        "modules:\n  page: {prober: http, http: {tls_config: {insecure_skip_verify: true}, valid_status_codes: [404]}}\n"
        "  name: {prober: dns, timeout: 1s, dns: {query_name: example.test}}\n"
    )
    inside = f"ssl_certificate {certificate}; ssl_certificate_key {key}; return 404;"
    with (
        _nginx(folder, inside, "ssl") as address,
        _exporter(folder, "blackbox", f"--config.file={modules}") as page,
    ):
        probes = (("page", f"https://{address}"), ("name", f"127.0.0.1:{free_port()}"))
        yield [Page(page.address, "/probe", (("module", module), ("target", target))) for module, target in probes]


@contextmanager
def jmx(folder: Path) -> Iterator[Sequence[Page]]:
    """A JVM with the agent: Java's own registry, which only waits."""
    agent = ROOT / ".servers" / JMX
    if not agent.exists():
        pytest.skip(f"needs {agent}, which is not installed (make servers)")
    address = f"127.0.0.1:{free_port()}"
    (folder / "jmx.yml").write_text("rules: []\n")
    (folder / "all.policy").write_text("grant { permission java.security.AllPermission; };\n")
    modules = "java.logging,java.management,jdk.httpserver,jdk.management"
    command = [
        need("java"), "-Xmx64m", f"-Djava.security.policy={folder / 'all.policy'}", "--add-modules", modules,
        f"-javaagent:{agent}={address}:{folder / 'jmx.yml'}", "-m", "java.rmi/sun.rmi.registry.RegistryImpl", "0",
    ]  # fmt: skip
    with started(command, lambda: http_ok(f"http://{address}/metrics"), folder / "java.log"):
        yield [Page(address)]


def _made(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


EXPORTERS: dict[str, Callable[[Path], AbstractContextManager[Sequence[Page]]]] = {
    "node_exporter": node, "mysqld_exporter": mysqld, "redis_exporter": redis, "nginx_exporter": nginx,
    "elasticsearch_exporter": elastic, "blackbox_exporter": blackbox, "jmx_exporter": jmx,
}  # fmt: skip
