"""--web.config.file: TLS, users and headers, beside Debian's Prometheus; the file may change while it runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
import requests

from opsctl.core.errors import DocumentError
from opsctl.core.web_config import load_web_config
from tests.alerts.running import Running
from tests.api.running import opsctl, prometheus


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("auth", "status"),
    [(None, 401), (("sre", "right"), 200), (("sre", "wrong"), 401), (("nobody", "right"), 401), (("", ""), 401)],
)
def test_users_beside_prometheus(two: tuple[str, str], auth: tuple[str, str] | None, status: int) -> None:
    for url in two:
        answer = requests.get(f"{url}/api/v1/status/buildinfo", auth=auth, timeout=10)
        assert answer.status_code == status, url
        assert answer.headers.get("X-Frame-Options") == "deny"
        if status == 401:
            assert (answer.text, answer.headers["WWW-Authenticate"]) == ("Unauthorized\n", "Basic")


@pytest.mark.parametrize("header", ["Basic", "Basic !!", "Bearer x", "Basic eA==", "Basic //8="])
def test_odd_credentials_are_refused(two: tuple[str, str], header: str) -> None:
    for url in two:
        answer = requests.get(f"{url}/api/v1/query?query=1", headers={"Authorization": header}, timeout=10)
        assert answer.status_code == 401, url


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("users")
    web = folder / "web.yml"
    web.write_text(
        f"basic_auth_users: {{sre: '{hashed('right')}'}}\nhttp_server_config: {{headers: {{X-Frame-Options: deny}}}}\n"
    )
    config = folder / "prometheus.yml"
    config.write_text("{}\n")
    with (
        opsctl(folder / "ours", config, f"--web.config.file={web}") as ours,
        prometheus(folder / "theirs", config, f"--web.config.file={web}") as theirs,
    ):
        yield ours.url, theirs.url


def test_tls_and_a_changed_file(tmp_path: Path, certificate: Path) -> None:
    web = tmp_path / "web.yml"
    tls = f"tls_server_config: {{cert_file: {certificate}/cert.pem, key_file: {certificate}/key.pem}}\n"
    web.write_text(tls)
    running = Running(tmp_path, "route: {receiver: a}\nreceivers: [{name: a}]\n", f"--web.config.file={web}")
    try:
        url, trust = running.url.replace("http:", "https:"), str(certificate / "cert.pem")
        assert requests.get(f"{url}/api/v2/status", verify=trust, timeout=10).ok
        with pytest.raises(requests.RequestException):
            requests.get(f"{running.url}/api/v2/status", timeout=10)
        web.write_text(f"{tls}basic_auth_users: {{sre: '{hashed('x')}'}}\n")
        assert requests.get(f"{url}/api/v2/status", verify=trust, timeout=10).status_code == 401
        assert requests.get(f"{url}/api/v2/status", verify=trust, auth=("sre", "x"), timeout=10).ok
        web.write_text("nonsense: 1\n")
        time.sleep(0.05)
        assert requests.get(f"{url}/api/v2/status", verify=trust, auth=("sre", "x"), timeout=10).status_code == 500
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("basic_auth_user: {}", "did you mean 'basic_auth_users'"),
        ("basic_auth_users: {a: secret}", "not a bcrypt hash"),
        ("tls_server_config: {cert_file: a}", "key_file: is required"),
        ("tls_server_config: {cert_file: a, key_file: b}", "cannot use its files"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequestClientCert}", "not spoken here"),
        ("tls_server_config: {cert_file: a, key_file: b, cipher_suites: [X]}", "does not have"),
        ("tls_server_config: {cert_file: a, key_file: b, min_version: SSL3}", "min_version"),
        ("http_server_config: {headers: {Server: x}}", "cannot be set"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "web.yml"
    file.write_text(text)
    with pytest.raises(DocumentError, match=message):
        load_web_config(file)
