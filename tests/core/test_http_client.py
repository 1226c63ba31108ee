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
from opsctl.core.http_proxy import proxy_for
from opsctl.core.http_settings import Authorization, BasicAuth, HttpHeader, HttpSettings, OAuth2, TlsConfig
from opsctl.core.oauth import NoToken
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
    for file, said in (("ca.pem", "cannot use ca.pem"), ("none.pem", "unable to read certificate: .*none.pem")):
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
    with pytest.raises(CannotPrepare, match=r"unable to read HTTP header X-Scope: unable to read file .*secret: open"):
        own_headers(settings, str(tmp_path))


async def test_certificates_may_stand_inline_and_versions_be_bounded(tmp_path: Path) -> None:
    certificate(tmp_path)
    cert, key = (tmp_path / "cert.pem").read_text(), (tmp_path / "key.pem").read_text()
    async with Pages(server_side(tmp_path, ask_client=True)) as pages:
        pages.pages["/"] = "x"
        url = f"https://{pages.address}/"
        inline = TlsConfig(ca=cert, cert=cert, key=key, server_name=NAME, min_version="TLS12", max_version="TLS13")
        assert await status(url, HttpSettings(tls_config=inline), tmp_path) == 200
        with pytest.raises(CannotPrepare, match="cannot use the certificates"):
            await status(url, HttpSettings(tls_config=TlsConfig(cert="x", key="y")), tmp_path)


async def test_a_token_is_asked_for_once_and_shown(tmp_path: Path) -> None:
    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "client_credentials"
        assert (form["scope"], form["audience"]) == ("a b", "x")
        if "client_secret" not in form:
            return web.Response(status=401)
        return web.json_response({"access_token": "t1", "token_type": "bearer", "expires_in": 3600})

    (tmp_path / "secret").write_text("s3\n")
    async with Pages() as pages:
        pages.pages |= {"/": "x", "/token": token}
        oauth = OAuth2(
            client_id="me",
            client_secret_file="secret",
            token_url=f"http://{pages.address}/token",
            scopes=("a", "b"),
            endpoint_params={"audience": "x"},
        )
        client = HttpClient()
        for _ in range(2):
            async with client.request("GET", f"http://{pages.address}/", HttpSettings(oauth2=oauth), str(tmp_path), {}):
                pass
        await client.close()
        paths = [seen["path"] for seen in pages.seen]
        assert paths == ["/token", "/token", "/", "/"]
        assert pages.seen[0]["Authorization"].startswith("Basic ")
        assert [seen.get("Authorization") for seen in pages.seen[2:]] == ["Bearer t1", "Bearer t1"]


async def test_a_token_server_that_refuses_is_named(tmp_path: Path) -> None:
    async with Pages() as pages:
        oauth = OAuth2(client_id="me", client_secret="x", token_url=f"http://{pages.address}/token")
        with pytest.raises(NoToken, match=r"oauth2: cannot fetch token.*404"):
            await status(f"http://{pages.address}/", HttpSettings(oauth2=oauth), tmp_path)


async def test_a_proxy_is_used_but_for_its_exceptions(tmp_path: Path) -> None:
    async with Pages() as proxy, Pages() as pages:
        proxy.pages["/via"] = pages.pages["/via"] = "x"
        proxied = HttpSettings(proxy_url=f"http://{proxy.address}")
        assert await status("http://far.example/via", proxied, tmp_path) == 200
        assert len(proxy.seen) == 1
        excepted = HttpSettings(proxy_url=f"http://{proxy.address}", no_proxy="127.0.0.0/8")
        assert await status(f"http://{pages.address}/via", excepted, tmp_path) == 200
        assert (len(proxy.seen), len(pages.seen)) == (1, 1)


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("a.example", "example", True), ("example", "example", True), ("example", ".example", False),
        ("a.example", "*.example", True), ("a.example:81", "a.example:80", False), ("a.example:81", "a.example:81", True),
        ("10.1.2.3", "10.0.0.0/8, x", True), ("10.1.2.3", "10.1.2.3:80", True), ("b.example", "*", True),
        ("127.0.0.1", "x", True), ("localhost", "x", True), ("notexample", "example", False),
    ],
)  # fmt: skip
def test_exceptions_of_a_proxy(host: str, no_proxy: str, direct: bool) -> None:
    found = proxy_for(f"http://{host}/", HttpSettings(proxy_url="http://p:1", no_proxy=no_proxy), {})
    assert found == ("" if direct else "http://p:1")


def test_the_environment_names_a_proxy_by_scheme() -> None:
    named = HttpSettings(proxy_from_environment=True)
    environment = {"HTTP_PROXY": "p:1", "https_proxy": "http://q:2", "NO_PROXY": "x"}
    assert proxy_for("http://a/", named, environment) == "http://p:1"
    assert proxy_for("https://a/", named, environment) == "http://q:2"
    assert proxy_for("http://x/", named, environment) == ""
