"""Alerts to Alertmanagers that want credentials and TLS; one that refuses holds up no other."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from opsctl.core.http_settings import BasicAuth, HttpHeader, HttpSettings, TlsConfig
from opsctl.metrics.notifier import Notifier, NotifierFigures, Receiver
from opsctl.model.alert import Alert
from opsctl.model.labels import Labels
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
