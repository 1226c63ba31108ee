"""The client of the outgrown engine: whatever answers, a value or a named error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from opsctl.core.errors import Unreachable
from opsctl.core.settings import load_settings
from opsctl.flows.doctor import examine
from opsctl.flows.evaluating import Pushed
from opsctl.metrics.remote import RemoteApi, RemoteStore, selector
from opsctl.model.matcher import Matcher
from opsctl.promql import PromqlError, PromqlParseError
from tests.api.running import prometheus
from tests.remote.support import RECEIVER


class Answers:
    """Answers every request with `body`, and remembers the Authorization header."""

    def __init__(self) -> None:
        self.status, self.body, self.authorization = 200, b"", ""
        outer: Answers = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                outer.authorization = self.headers.get("Authorization", "")
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def answers() -> Iterator[Answers]:
    one = Answers()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"status":"error"', b"null", b'"status"'])
def test_what_is_no_answer_is_unreachable(answers: Answers, body: bytes) -> None:
    answers.body = body
    with pytest.raises(Unreachable, match="without Prometheus' JSON"):
        RemoteApi(f"http://{answers.address}", CollectorRegistry()).ask("query", {})


@pytest.mark.parametrize(
    "data", [b"null", b"{}", b'{"resultType":"vector","result":[{}]}', b'{"resultType":"matrix","result":3}',
             b'{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}'],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_told(answers: Answers, data: bytes) -> None:
    answers.body = b'{"status":"success","data":' + data + b"}"
    api = RemoteApi(f"http://{answers.address}", CollectorRegistry())
    with pytest.raises(PromqlError, match="cannot be read"):
        Pushed(api).instant("up", RemoteStore(api), 0)


def test_errors_of_the_engine_keep_their_kind(answers: Answers) -> None:
    api = RemoteApi(f"http://{answers.address}", CollectorRegistry())
    answers.status, answers.body = 400, b'{"status":"error","errorType":"bad_data","error":"1:1: no"}'
    with pytest.raises(PromqlParseError):
        Pushed(api).instant("up", RemoteStore(api), 0)
    answers.status, answers.body = 422, b'{"status":"error","errorType":"execution","error":"too much"}'
    with pytest.raises(PromqlError, match="too much"):
        Pushed(api).instant("up", RemoteStore(api), 0)


def test_credentials_come_from_the_address_or_a_file(answers: Answers, tmp_path: Path) -> None:
    answers.body = b'{"status":"success","data":[]}'
    RemoteApi(f"http://a:b@{answers.address}", CollectorRegistry()).ask("labels", {})
    assert answers.authorization == "Basic YTpi"
    (tmp_path / "token").write_text("secret\n")
    RemoteApi(f"http://{answers.address}", CollectorRegistry(), token_file=tmp_path / "token").ask("labels", {})
    assert answers.authorization == "Bearer secret"


def test_selectors() -> None:
    assert selector([Matcher("a", "=~", 'x"\\d')]) == '{a=~"x\\"\\\\d"}'
    assert selector([]) == '{__name__=~".+"}'


def test_the_doctor_looks_at_the_engine(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("global: {scrape_interval: 1h}\n")
    file = tmp_path / "opsctl.yml"
    found = {}
    for name, flags in (("closed", ()), ("open", (RECEIVER,))):
        with prometheus(tmp_path / name, tmp_path / "p.yml", *flags) as server:
            file.write_text(f"home: {tmp_path}/var\nmetrics: {{engine: prometheus, url: '{server.url}'}}\n")
            assert load_settings(str(file)).metrics.url == server.url
            found[name] = next(f for f in examine(str(file)) if f.check == "metrics engine")
    assert (found["closed"].verdict, found["open"].verdict) == ("bad", "ok")
    assert RECEIVER in found["closed"].hint
