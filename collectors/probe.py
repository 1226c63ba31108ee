"""A probe from outside, with blackbox_exporter's names: does the target answer, how fast, with what."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from prometheus_client.metrics_core import Metric

from collectors.errors import CollectorError
from collectors.families import gauge, gauges

_READ_LIMIT = 1 << 20


@dataclass(frozen=True)
class Module:
    """How to ask: `http` or `tcp`; which statuses are good (2xx when empty); what the body must (not) hold."""

    prober: str
    method: str = "GET"
    valid_status: tuple[int, ...] = ()
    fail_if_body_matches: str = ""
    fail_if_body_not_matches: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    follow_redirects: bool = True
    ca_file: str = ""


MODULES: dict[str, Module] = {
    "http_2xx": Module("http"),
    "http_post_2xx": Module("http", method="POST"),
    "tcp_connect": Module("tcp"),
}


@dataclass(frozen=True)
class Probe:
    """What one look found. `phases`: seconds by phase; `certificate_expiry`: epoch seconds, 0 without TLS."""

    success: bool
    duration: float
    dns_seconds: float
    status: int = 0
    length: int = 0
    redirects: int = 0
    version: float = 0.0
    certificate_expiry: float = 0.0
    phases: tuple[tuple[str, float], ...] = ()
    body_failed: bool = False


class ProbeCollector:
    """Asks `target` once per collection. A target that is down is probe_success 0, never an exception."""

    def __init__(self, target: str, module: str | Module = "http_2xx", timeout: float = 5.0) -> None:
        if isinstance(module, str) and module not in MODULES:
            raise CollectorError(f"no probe module {module!r}", f"one of: {', '.join(MODULES)}")
        self._module = MODULES[module] if isinstance(module, str) else module
        self._target = target if "://" in target or self._module.prober == "tcp" else f"http://{target}"
        self._timeout = timeout
        _host_port(self._target, self._module)

    def collect(self) -> Iterator[Metric]:
        yield from families(PROBERS[self._module.prober](self._target, self._module, self._timeout), self._module)


def families(probe: Probe, module: Module) -> Iterator[Metric]:
    """A probe as blackbox_exporter prints it."""
    yield gauge("probe_success", "Displays whether or not the probe was a success", float(probe.success))
    text = "Returns how long the probe took to complete in seconds"
    yield gauge("probe_duration_seconds", text, probe.duration)
    text = "Returns the time taken for probe dns lookup in seconds"
    yield gauge("probe_dns_lookup_time_seconds", text, probe.dns_seconds)
    if module.prober != "http":
        return
    for name, text, value in (
        ("status_code", "Response HTTP status code", probe.status),
        ("content_length", "Length of http content response", probe.length),
        ("redirects", "The number of redirects", probe.redirects),
        ("version", "Returns the version of HTTP of the probe response", probe.version),
        ("ssl", "Indicates if SSL was used for the final redirect", bool(probe.certificate_expiry)),
    ):
        yield gauge(f"probe_http_{name}", text, float(value))
    text = "Indicates if probe failed due to regex"
    yield gauge("probe_failed_due_to_regex", text, float(probe.body_failed))
    if probe.phases:
        text = "Duration of http request by phase, summed over all redirects"
        rows = [((phase,), seconds) for phase, seconds in probe.phases]
        yield gauges("probe_http_duration_seconds", text, ("phase",), rows)
    if probe.certificate_expiry:
        text = "Returns earliest SSL cert expiry in unixtime"
        yield gauge("probe_ssl_earliest_cert_expiry", text, probe.certificate_expiry)


def probe_http(target: str, module: Module, timeout: float) -> Probe:
    """One HTTP request; the whole of it within `timeout` seconds."""
    start = time.perf_counter()
    address, dns = _resolved(_host_port(target, module)[0])
    if not address:
        return Probe(False, time.perf_counter() - start, dns)
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = module.ca_file or True
            answer = session.request(
                module.method, target, headers=module.headers, timeout=timeout, stream=True,
                allow_redirects=module.follow_redirects,
            )  # fmt: skip
            first = time.perf_counter()
            expiry = _expiry(answer, session.verify or False, timeout)
            body, complete = _body(answer, start + timeout)
    except (requests.RequestException, OSError, ValueError):
        return Probe(False, time.perf_counter() - start, dns)
    end = time.perf_counter()
    bad_body = not _body_fits(body, module)
    good = answer.status_code in module.valid_status if module.valid_status else 200 <= answer.status_code < 300
    version = {10: 1.0, 11: 1.1, 20: 2.0}.get(answer.raw.version, 0.0)
    phases = (("resolve", dns), ("processing", first - start - dns), ("transfer", end - first))
    return Probe(
        good and complete and not bad_body, end - start, dns, answer.status_code, len(body), len(answer.history),
        version, expiry, phases, bad_body,
    )  # fmt: skip


def probe_tcp(target: str, module: Module, timeout: float) -> Probe:
    """One TCP connection to HOST:PORT."""
    start = time.perf_counter()
    host, port = _host_port(target, module)
    address, dns = _resolved(host)
    try:
        with socket.create_connection((address or host, port), timeout):
            return Probe(True, time.perf_counter() - start, dns)
    except OSError:
        return Probe(False, time.perf_counter() - start, dns)


PROBERS: dict[str, Callable[[str, Module, float], Probe]] = {"http": probe_http, "tcp": probe_tcp}


def _host_port(target: str, module: Module) -> tuple[str, int]:
    try:
        parts = urlsplit(target if "://" in target else f"tcp://{target}")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        port, parts = 0, urlsplit("")
    if not parts.hostname or not port or (module.prober == "http" and parts.scheme not in ("http", "https")):
        wanted = "http(s)://HOST[:PORT]/PATH" if module.prober == "http" else "HOST:PORT"
        raise CollectorError(f"not a target for a {module.prober} probe: {target!r}", f"expected {wanted}")
    return parts.hostname, port


def _resolved(host: str) -> tuple[str, float]:
    start = time.perf_counter()
    try:
        address = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        address = ""
    return address, time.perf_counter() - start


def _body(answer: requests.Response, deadline: float) -> tuple[bytes, bool]:
    """At most 1 MiB of the body; False when the deadline came first (a server that drips)."""
    body = b""
    for chunk in answer.iter_content(65_536):
        body += chunk
        if len(body) >= _READ_LIMIT:
            break
        if time.perf_counter() > deadline:
            return body, False
    return body, True


def _body_fits(body: bytes, module: Module) -> bool:
    text = body.decode(errors="replace")
    if module.fail_if_body_matches and re.search(module.fail_if_body_matches, text):
        return False
    return not module.fail_if_body_not_matches or bool(re.search(module.fail_if_body_not_matches, text))


def _expiry(answer: requests.Response, verify: str | bool, timeout: float) -> float:
    """When the target's certificate ends, 0 without TLS.

    Taken from the connection of the answer; a server that closes at once has let go of it by now and is asked again.
    """
    parts = urlsplit(answer.url)
    if parts.scheme != "https":
        return 0.0
    sock = getattr(answer.raw.connection, "sock", None)
    if isinstance(sock, ssl.SSLSocket):
        return _ends(sock)
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    with (
        socket.create_connection((parts.hostname, parts.port or 443), timeout) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
    ):
        return _ends(secure)


def _ends(sock: ssl.SSLSocket) -> float:
    certificate = sock.getpeercert()
    ends = certificate.get("notAfter") if certificate else None
    return ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else 0.0
