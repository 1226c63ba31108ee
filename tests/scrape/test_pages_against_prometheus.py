"""Odd pages, scraped by Debian's Prometheus and by us: both take them and leave the same, or both refuse them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.api.running import Server, opsctl, prometheus
from tests.servers import wait_for

NOW = 1_700_000_000_000
TEXT = (
    "a 1", "a 1\n\n\nb 2\n", "", "\n", "a  1\n", "a\t1\t\n", "a 1 \n", "a{} 1\n", "a {x=\"1\"} 1\n", 'a{x="1"}1\n',
    'a{ x = "1" , y="2" , } 1\n', 'a{x="1" y="2"} 1\n', 'a{x="1",,y="2"} 1\n', "a{,} 1\n", 'a{x="1",x="2"} 1\n',
    'a{x="1"\n', 'a{x="1} 2\n', "a{x=1} 2\n", "a{x} 2\n", 'a{="1"} 2\n', 'a{1x="1"} 2\n', 'a{x:y="1"} 2\n', '{x="1"} 2\n',
    "1a 2\n", "a-b 2\n", "a.b 2\n", ":a 2\n", "_a 2\n", "a:b 2\n", "é 2\n",
    r'a{x="\\ \" \n \t \q"} 1' + "\n", 'a{x="line\nend"} 1\n', 'a{x="中文 }{,=\\"#"} 1\n', 'a{x=""} 1\n', 'a{x="a\tb"} 1\n',
    "a +1\n", "a -1\n", "a .5\n", "a 5.\n", "a 1e3\n", "a 1E-3\n", "a NaN\n", "a nan\n", "a +Inf\n", "a inf\n", "a -Infinity\n",
    "a +NaN\n", "a -nan\n", "a 0x10\n", "a 0x1p4\n", "a 1_0\n", "a 1,5\n", "a 1e400\n", "a -1e400\n", "a 1e-400\n", "a 01\n",
    "a 1f\n", "a true\n", "a\n", "a{}\n", "a x\n", "a 1 x\n", "a 1 2 3\n", "a 1 1.5\n", "a 1 -5\n", "a 1 1e3\n",
    "a 1 99999999999999999999\n", "a 1\r\nb 2\r\n", "a 1\x0b\n", "a\x0b1\n", "a 1\x00\n", "a\u00a01\n", "a 1\u00a0\n", "a ١\n",
    "# just words\na 1\n", "#\na 1\n", "#x\na 1\n", "# \na 1\n", "  # words\na 1\n", "# EOF\na 1\n", "a 1 # words\n", "a 1 #\n",
    "# HELP\na 1\n", "# HELP a\na 1\n", "# HELP a \na 1\n", "# HELP a  two\n# TYPE a counter\na 1\n", "#HELP a x\na 1\n",
    "# TYPE\na 1\n", "# TYPE a\na 1\n", "# TYPE a counter\na 1\n", "# TYPE a  counter\na 1\n", "# TYPE a nonsense\na 1\n",
    "# TYPE a untyped\na 1\n", "# TYPE a unknown\na 1\n", "# TYPE a info\na 1\n", "# TYPE a counter \na 1\n",
    "#\tTYPE\ta\tcounter\na 1\n", "# HELP 1a x\na 1\n", "# UNIT a b\na 1\n", "# HELPa x\na 1\n", "# help a x\na 1\n",
    "# TYPE a gauge\n# TYPE a counter\na 1\n", "# HELP a x\\ny \\\\ \\q \\\"z\na 1\n",
    "a 1\na 2\n", 'a{x="1"} 1\na{x="1"} 1\n', "a 1\na{} 2\n", "good 1\nbad x\nlater 3\n", "<html></html>\n", "a 1\nb\n",
    'up 5\n', 'a{job="own",instance="mine"} 1\n', 'a{exported_job="e",job="own"} 1\n', 'a{__name__="b"} 1\n',
    'a{job=""} 1\n', 'a{__hidden="x"} 1\n', "a 1\n" * 3, "b 0\n" + "a 1\n",
)  # fmt: skip
OPENMETRICS = (
    "# EOF\n", "# EOF", "a 1\n# EOF\n", "a 1\n", "a 1", "a 1\n# EOF\n\n", "a 1\n# EOF\nb 2\n", "a 1\n# EOF \n", "a 1\n#EOF\n",
    "a 1\n\n# EOF\n", "a  1\n# EOF\n", "a 1 \n# EOF\n", " a 1\n# EOF\n", "a\t1\n# EOF\n", "# words\na 1\n# EOF\n", "a{} 1\n# EOF\n",
    'a{x="1" ,y="2"} 1\n# EOF\n', 'a{x="1"y="2"} 1\n# EOF\n', 'a{ x="1"} 1\n# EOF\n', 'a{x="1"}1\n# EOF\n',
    'a {x="1"} 1\n# EOF\n', 'a{x="1\n2"} 1\n# EOF\n', 'a{x="\\n\\""} 1\n# EOF\n',
    "a NaN\n# EOF\n", "a 0x1p4\n# EOF\n", "a 1e400\n# EOF\n", "a 1_0\n# EOF\n", "a 1\r\n# EOF\r\n", "a x\n# EOF\n", "a\n# EOF\n",
    "a 1 x\n# EOF\n", "a 1 NaN\n# EOF\n", "a 1 2 3\n# EOF\n",
    "# TYPE a counter\na_total 1\na_created 5\n# EOF\n", "# TYPE a nonsense\n# EOF\n", "# TYPE a untyped\n# EOF\n", "# TYPE a\n# EOF\n",
    "# TYPE a unknown\n# TYPE b info\n# TYPE c stateset\n# TYPE d gaugehistogram\na 1\n# EOF\n", "# HELP a\n# EOF\n", "# HELP a \n# EOF\n",
    "# HELP a x\\ny\\\"z\na 1\n# EOF\n", "# UNIT a_seconds seconds\na_seconds 1\n# EOF\n", "# UNIT a seconds\na 1\n# EOF\n", "# UNIT a \n# EOF\n",
    'a_bucket{le="1.0"} 1 # {id="x"} 0.5\n# EOF\n', 'a_total 1 # {id="x"} 0.5 1.5\n# EOF\n', 'a_total 1 1 # {} 0.5\n# EOF\n',
    'a_total 1 # {id="x"}\n# EOF\n', 'a_total 1 # {id=x} 1\n# EOF\n', 'a_total 1 # {id="x"} y\n# EOF\n', 'a_total 1 # {id="x"} 1 2 3\n# EOF\n',
    'a_total 1 # {id="x"} 1 NaN\n# EOF\n', "a_total 1 # 5\n# EOF\n", 'a{x=" # {y"} 1\n# EOF\n', 'a_total 1  # {id="x"} 0.5\n# EOF\n',
    "good 1\nbad x\n# EOF\n", "a 1\na 2\n# EOF\n",
)  # fmt: skip
HELP = '# HELP a x\\ny \\\\ \\q \\"z\na 1\n'
UNIT = "# UNIT a_seconds seconds\na_seconds 1\n# EOF\n"
KINDS = {"t": "text/plain; version=0.0.4", "o": "application/openmetrics-text; version=1.0.0"}


class Pages:
    """Pages by path: `/t3` is the fourth text."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, number = self.path[1], int(self.path[2:])
                body = (TEXT if kind == "t" else OPENMETRICS)[number].encode()
                self.send_response(200)
                self.send_header("Content-Type", KINDS[kind])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Both have scraped every page at least twice."""
    folder, pages = tmp_path_factory.mktemp("pages"), Pages()
    names = [*(f"t{i}" for i in range(len(TEXT))), *(f"o{i}" for i in range(len(OPENMETRICS)))]
    jobs = "".join(
        f"- {{job_name: {n}, metrics_path: /{n}, static_configs: [{{targets: ['{pages.address}']}}]}}\n" for n in names
    )
    config = folder / "prometheus.yml"
    config.write_text(f"global: {{scrape_interval: 3s}}\nscrape_configs:\n{jobs}")
    with opsctl(folder / "ours", config) as ours, prometheus(folder / "theirs", config) as theirs:
        for server in (ours, theirs):
            wait_for(
                lambda on=server: (on.value("count(count_over_time(up[30s]) >= 2)") or 0) == len(names), 40, "scrapes"
            )  # type: ignore[misc]
        yield ours, theirs
    pages.close()


def left(server: Server, job: str) -> dict[str, str]:
    """What a page left, by labels; times and durations apart."""
    found = server.data("query", query=f'{{job="{job}"}} or {{exported_job!="",instance!="",job="{job}"}}')["result"]
    return {
        str(sorted(one["metric"].items())): one["value"][1]
        for one in found
        if one["metric"]["__name__"] not in ("scrape_duration_seconds", "scrape_series_added")
    }


def assert_same(both: tuple[Server, Server], job: str, page: str) -> None:
    """A scrape that a busy machine did not answer in time is made good by the next."""
    end = time.monotonic() + 12
    while True:
        ours, theirs = (left(server, job) for server in both)
        if ours == theirs or time.monotonic() > end:
            assert ours == theirs, page
            return
        time.sleep(0.3)


@pytest.mark.parametrize("number", range(len(TEXT)))
def test_a_page_of_the_text_format(both: tuple[Server, Server], number: int) -> None:
    assert_same(both, f"t{number}", TEXT[number])


@pytest.mark.parametrize("number", range(len(OPENMETRICS)))
def test_a_page_of_openmetrics(both: tuple[Server, Server], number: int) -> None:
    assert_same(both, f"o{number}", OPENMETRICS[number])


def test_both_say_the_same_of_the_metrics(both: tuple[Server, Server]) -> None:
    for job in (f"t{TEXT.index(HELP)}", f"o{OPENMETRICS.index(UNIT)}"):
        said = [s.data("targets/metadata", match_target=f'{{job="{job}"}}') for s in both]
        assert said[0], job
        for rows in said:
            for row in rows:
                del row["target"]
                row["type"] = row["type"].replace("unknown", "")
        assert said[0] == said[1], job
