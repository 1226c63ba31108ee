"""The HTTP client: TLS both ways, headers, secrets that are renewed, redirects."""

from __future__ import annotations

import os
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from opsctl.core.http_client import CannotPrepare, HttpClient, own_headers
from opsctl.core.http_settings import Authorization, BasicAuth, HttpHeader, HttpSettings, TlsConfig
from tests.scrape.server import Pages

NAME = "right.example"


def certificate(folder: Path) -> None:
    """cert.pem and key.pem for NAME, signed by itself."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=folder, check=True, capture_output=True, timeout=30,
    )  # fmt: skip


def server_side(folder: Path, ask_client: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if ask_client:
        context.load_verify_locations(folder / "cert.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def status(url: str, settings: HttpSettings, root: Path) -> int:
    client = HttpClient()
    try:
        async with client.request("GET", url, settings, str(root), {}) as answer:
            await answer.read()
            return answer.status
    finally:
        await client.close()


async def test_a_server_is_trusted_by_its_authority_and_its_name(tmp_path: Path) -> None:
    certificate(tmp_path)
    async with Pages(server_side(tmp_path, ask_client=False)) as pages:
        pages.pages["/"] = "x"
        url = f"https://{pages.address}/"
        for tls in (
            TlsConfig(ca_file="cert.pem", server_name=NAME),
            TlsConfig(insecure_skip_verify=True),
        ):
            assert await status(url, HttpSettings(tls_config=tls), tmp_path) == 200
        for tls in (TlsConfig(), TlsConfig(ca_file="cert.pem"), TlsConfig(ca_file="cert.pem", server_name="wrong")):
            with pytest.raises(aiohttp.ClientConnectorError):
                await status(url, HttpSettings(tls_config=tls), tmp_path)


async def test_a_client_shows_its_certificate(tmp_path: Path) -> None:
    certificate(tmp_path)
    async with Pages(server_side(tmp_path, ask_client=True)) as pages:
        pages.pages["/"] = "x"
        url, name = f"https://{pages.address}/", {"ca_file": "cert.pem", "server_name": NAME}
        shown = TlsConfig(**name, cert_file="cert.pem", key_file="key.pem")  # type: ignore[arg-type]
        assert await status(url, HttpSettings(tls_config=shown), tmp_path) == 200
        with pytest.raises((aiohttp.ClientError, OSError)):
            await status(url, HttpSettings(tls_config=TlsConfig(**name)), tmp_path)  # type: ignore[arg-type]


async def test_a_bad_certificate_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    for file, said in (("ca.pem", "cannot use ca.pem"), ("none.pem", "cannot read none.pem")):
        with pytest.raises(CannotPrepare, match=said):
            await status("https://127.0.0.1:1/", HttpSettings(tls_config=TlsConfig(ca_file=file)), tmp_path)


async def test_redirects_are_followed_unless_told_not_to(tmp_path: Path) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/end"})

    async with Pages() as pages:
        pages.pages |= {"/": elsewhere, "/end": "x"}
        assert await status(f"http://{pages.address}/", HttpSettings(), tmp_path) == 200
        assert await status(f"http://{pages.address}/", HttpSettings(follow_redirects=False), tmp_path) == 302


def test_headers_and_credentials_are_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    settings = HttpSettings(
        authorization=Authorization(type="Token", credentials_file="secret"),
        http_headers={"X-Scope": HttpHeader(values=("a",), secrets=("b",), files=("secret",))},
    )
    for text in ("one\n", "two\n"):
        file.write_text(text)
        word = text.strip()
        assert own_headers(settings, str(tmp_path)) == {"X-Scope": f"a, b, {word}", "Authorization": f"Token {word}"}
    basic = HttpSettings(basic_auth=BasicAuth(username="u", password_file="secret"))
    assert own_headers(basic, str(tmp_path)) == {"Authorization": "Basic dTp0d28="}
    os.unlink(file)
    with pytest.raises(CannotPrepare, match="cannot read secret"):
        own_headers(settings, str(tmp_path))
