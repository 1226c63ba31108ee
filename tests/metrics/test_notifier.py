"""Alerts to Alertmanagers that want credentials and TLS; one that refuses holds up no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry

from opsctl.core.http_settings import BasicAuth, HttpHeader, HttpSettings, TlsConfig
from opsctl.metrics.notifier import Notifier, NotifierFigures, Receiver
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
from opsctl.relabel import Rule
from tests.core.test_http_client import NAME, certificate, server_side
from tests.scrape.server import Pages, until

ALERT = Alert(
    labels=Labels({"alertname": "a"}), annotations=Labels({}), starts_at=1.0, ends_at=None, updated_at=1.0,
    generator_url="",
)  # fmt: skip


async def test_each_receiver_is_spoken_to_as_its_settings_say(tmp_path: Path) -> None:
    certificate(tmp_path)
    (tmp_path / "password").write_text("p\n")
    secure = HttpSettings(
        tls_config=TlsConfig(ca_file="cert.pem", server_name=NAME),
        basic_auth=BasicAuth(username="u", password_file="password"),
        http_headers={"X-Scope": HttpHeader(values=("one",))},
    )
    broken = HttpSettings(authorization=None, bearer_token_file="missing")
    registry = CollectorRegistry()
    async with Pages() as plain, Pages(server_side(tmp_path, ask_client=False)) as pages:
        plain.pages["/alerts"] = pages.pages["/alerts"] = "ok"
        urls = [f"http://{plain.address}/alerts", f"https://{pages.address}/alerts", f"http://{plain.address}/other"]
        notifier = Notifier(NotifierFigures(registry))
        await notifier.start()
        root = str(tmp_path)
        notifier.configure(
            [Receiver(urls[0]), Receiver(urls[1], 5.0, secure, root), Receiver(urls[2], 5.0, broken, root)], {}, ()
        )
        notifier.send([ALERT])

        def count(what: str, url: str) -> float:
            return registry.get_sample_value(f"prometheus_notifications_{what}_total", {"alertmanager": url}) or 0.0

        await until(lambda: count("sent", urls[0]) == count("sent", urls[1]) == 1 and count("errors", urls[2]) > 0)
        await notifier.stop(0.0)
    assert [one.get("Authorization") for one in plain.seen] == [None]
    assert (pages.seen[0]["Authorization"], pages.seen[0]["X-Scope"]) == ("Basic dTpw", "one")


def alert(number: int, **labels: str) -> Alert:
    named = Labels({"alertname": "a", "n": str(number), **labels})
    return Alert(labels=named, annotations=Labels({}), starts_at=1.0, generator_url="http://x/graph")


class Taking:
    """A page that takes alerts and answers with `status`."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.batches: list[list[dict[str, Any]]] = []

    async def __call__(self, request: web.Request) -> web.Response:
        self.batches.append(await request.json())
        return web.Response(status=self.status)

    @property
    def numbers(self) -> list[int]:
        return [int(one["labels"]["n"]) for batch in self.batches for one in batch]


async def test_labels_are_rewritten_for_all_and_then_for_one(tmp_path: Path) -> None:
    drop = Rule(source_labels=("n",), regex="1", action="drop")
    team = Rule(target_label="team", replacement="x")
    plain, own = Taking(), Taking()
    async with Pages() as pages:
        pages.pages |= {"/plain": plain, "/own": own}
        notifier = Notifier(NotifierFigures(CollectorRegistry()))
        await notifier.start()
        urls = [f"http://{pages.address}/{name}" for name in ("plain", "own")]
        notifier.configure([Receiver(urls[0]), Receiver(urls[1], rules=(team, drop))], {"site": "s", "gone": ""}, ())
        notifier.send([alert(1), alert(2, site="mine")])
        await until(lambda: plain.numbers == [1, 2] and own.numbers == [2])
        await notifier.stop()
    assert [one["labels"] for one in plain.batches[0]] == [
        {"alertname": "a", "n": "1", "site": "s"}, {"alertname": "a", "n": "2", "site": "mine"},
    ]  # fmt: skip
    assert own.batches[0][0]["labels"] == {"alertname": "a", "n": "2", "site": "mine", "team": "x"}
    assert set(own.batches[0][0]) == {"labels", "startsAt", "generatorURL"}


async def test_a_full_queue_drops_its_oldest_and_the_rest_leaves_before_the_end(tmp_path: Path) -> None:
    registry, taking = CollectorRegistry(), Taking()
    async with Pages() as pages:
        pages.pages["/a"] = taking
        url = f"http://{pages.address}/a"
        notifier = Notifier(NotifierFigures(registry), capacity=300)
        await notifier.start()
        notifier.configure([Receiver(url)], {}, ())
        notifier.send(alert(n) for n in range(310))
        await notifier.stop(5.0)
    assert taking.numbers == list(range(10, 310))
    assert [len(batch) for batch in taking.batches] == [256, 44]
    assert registry.get_sample_value("prometheus_notifications_dropped_total", {"alertmanager": url}) == 10
    assert registry.get_sample_value("prometheus_notifications_queue_capacity") == 300


async def test_what_is_refused_for_good_is_dropped_and_what_fails_is_tried_again(tmp_path: Path) -> None:
    registry, taking = CollectorRegistry(), Taking(400)
    async with Pages() as pages:
        pages.pages["/a"] = taking
        url = f"http://{pages.address}/a"
        notifier = Notifier(NotifierFigures(registry))
        await notifier.start()
        notifier.configure([Receiver(url)], {}, ())

        def count(what: str) -> float | None:
            return registry.get_sample_value(f"prometheus_notifications_{what}", {"alertmanager": url})

        notifier.send([alert(1)])
        await until(lambda: count("dropped_total") == 1)
        taking.status = 500
        notifier.send([alert(2)])
        await until(lambda: (count("errors_total") or 0) >= 2)
        taking.status = 200
        await until(lambda: count("sent_total") == 1)
        notifier.configure([], {}, ())
        assert count("sent_total") is None
        await notifier.stop()
