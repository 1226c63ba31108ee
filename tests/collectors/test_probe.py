"""The probe against real sockets."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.errors import CollectorError
from collectors.probe import Module, ProbeCollector
from tests.servers import free_port


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(1.5)
        status = {"/missing": 404, "/moved": 302}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(b"all is well")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()


def _probe(target: str, module: str | Module = "http_2xx", timeout: float = 3) -> dict[str, float]:
    families = ProbeCollector(target, module, timeout).collect()
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_a_good_answer(server: str) -> None:
    found = _probe(f"{server}/healthz")
    assert (found["probe_success"], found["probe_http_status_code"], found["probe_http_ssl"]) == (1, 200, 0)
    assert found["probe_http_content_length"] == 11
    assert 0 < found["probe_duration_seconds"] < 1


def test_a_bad_status_a_redirect_and_a_dead_port(server: str) -> None:
    assert _probe(f"{server}/missing")["probe_success"] == 0
    assert _probe(f"{server}/missing")["probe_http_status_code"] == 404
    assert _probe(f"{server}/moved")["probe_http_redirects"] == 1
    assert _probe(f"http://127.0.0.1:{free_port()}/")["probe_success"] == 0
    assert _probe("http://no-such-host.invalid/")["probe_success"] == 0


def test_a_slow_target_is_given_up_in_time(server: str) -> None:
    start = time.perf_counter()
    assert _probe(f"{server}/slow", timeout=0.4)["probe_success"] == 0
    assert time.perf_counter() - start < 1.2


def test_what_the_body_must_hold(server: str) -> None:
    assert _probe(server, Module("http", fail_if_body_not_matches="well"))["probe_success"] == 1
    failed = _probe(server, Module("http", fail_if_body_matches="well"))
    assert (failed["probe_success"], failed["probe_failed_due_to_regex"]) == (0, 1)
    assert _probe(f"{server}/missing", Module("http", valid_status=(404,)))["probe_success"] == 1


def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert _probe(f"127.0.0.1:{port}", "tcp_connect")["probe_success"] == 1
    assert _probe(f"127.0.0.1:{port}", "tcp_connect")["probe_success"] == 0


def test_a_certificate_that_nobody_signed_fails(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "9",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    target = f"https://127.0.0.1:{made.server_port}/"
    assert _probe(target)["probe_success"] == 0
    trusted = _probe(target, Module("http", ca_file=str(certificate)))
    assert trusted["probe_success"] == 1
    assert trusted["probe_http_ssl"] == 1
    assert trusted["probe_ssl_earliest_cert_expiry"] == pytest.approx(time.time() + 9 * 86400, abs=120)
    made.shutdown()


@pytest.mark.parametrize("target", ["ftp://x/", "http://", "http://a:notaport/"])
def test_wrong_targets_are_refused(target: str) -> None:
    with pytest.raises(CollectorError, match="not a target"):
        ProbeCollector(target)


def test_an_unknown_module_names_the_known() -> None:
    with pytest.raises(CollectorError) as error:
        ProbeCollector("http://127.0.0.1/", "http_3xx")
    assert "http_2xx" in error.value.hint
