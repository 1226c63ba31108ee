"""Bodies: what gzip gives, and that no answer is read past its limit."""

from __future__ import annotations

import gzip

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.core.http_body import BadBody, BodyTooLarge, _Gunzip, read_body
from tests.scrape.server import Pages


async def _read(body: bytes, encoding: str, limit: int) -> bytes:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": encoding} if encoding else {})

    async with Pages() as pages, aiohttp.ClientSession(auto_decompress=False) as session:
        pages.pages["/"] = page
        async with session.get(f"http://{pages.address}/") as answer:
            return await read_body(answer, limit)


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_a_body_up_to_its_limit(encoding: str) -> None:
    body = b"x" * 100_000
    sent = gzip.compress(body) if encoding else body
    assert await _read(sent, encoding, 100_000) == body
    with pytest.raises(BodyTooLarge, match="body size limit exceeded"):
        await _read(sent, encoding, 99_999)


async def test_members_follow_one_another() -> None:
    assert await _read(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip", 100) == b"one two"


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"no gzip", "gzip"), (gzip.compress(b"x" * 1000)[:-9], "gzip"), (b"x", "br")]
)
async def test_a_bad_body_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(BadBody):
        await _read(body, encoding, 10_000)


@given(st.binary(max_size=300), st.integers(0, 50), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_no_more_than_is_left(data: bytes, limit: int, cut: int) -> None:
    for sent in (data, gzip.compress(data)):
        unpack, found = _Gunzip(), b""
        try:
            for at in range(0, len(sent), cut):
                found += unpack.feed(sent[at : at + cut], limit - len(found))
            unpack.end()
        except (BadBody, BodyTooLarge):
            continue
        assert len(found) <= limit
        if sent is not data:
            assert found == data
