"""A small operations API that answers from a made-up business, in the shapes of the real one."""

from __future__ import annotations

import http.server
import json
import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dashboards.figures import midnight, monday

TOKEN = "a-viewers-token"
DAY, WEEK = 86_400, 604_800
_SHARE = [0.2, 0.1, 0.1, 0.1, 0.2, 0.6, 1.6, 3, 4.5, 6, 6.2, 5, 4, 4.4, 5.4, 5.6, 5, 5.2, 6.4, 7.6, 7.8, 6, 3.4, 1.4]
_FINAL = {"business_orders_created_day": 210.0, "business_gmv_fen_day": 3_480_000.0, "business_dau": 560.0}


@dataclass
class World:
    """What the API knows; tests take parts away."""

    now: float = field(default_factory=time.time)
    alerts: list[dict[str, Any]] | None = field(default_factory=list)
    incidents: list[dict[str, Any]] | None = field(default_factory=list)
    stats: dict[str, Any] | None = None
    backup: dict[str, Any] | None = None
    drills: list[dict[str, Any]] | None = field(default_factory=list)
    without: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    def figure(self, metric: str, at: float) -> float | None:
        """A business with a rhythm of days and weeks, growing a little."""
        if any(word in metric for word in self.without) or at > time.time() + 1 or at < self.now - 61 * DAY:
            return None
        if "ratio" in metric:
            return (0.982 if "payment" in metric else 0.914) + 0.01 * math.sin(at / 50_000)
        start = midnight(at)
        day = random.Random(int(start)).uniform(0.88, 1.12)
        weekend = 1.25 if time.gmtime(start + DAY / 2).tm_wday >= 5 else 1.0
        growth = 1 + (at - self.now) / (150 * DAY)
        hours = (at - start) / 3600
        done = sum(_SHARE[: int(hours)]) + _SHARE[min(23, int(hours))] * (hours % 1)
        name = next(name for name in _FINAL if name in metric)
        return max(3, round(_FINAL[name] * day * weekend * growth * done / sum(_SHARE)))  # somebody is always awake

    def answer(self, path: str, query: dict[str, str]) -> Any:
        self.asked.append(path)
        if path in ("/api/v1/query", "/api/v1/query_range"):
            return self._prometheus(path, query)
        return {
            "/api/v2/alerts": self.alerts, "/api/opsctl/v1/incidents": self.incidents,
            "/api/opsctl/v1/incidents/stats": self.stats, "/api/opsctl/v1/backup/status": self.backup,
            "/api/opsctl/v1/backup/drills": self.drills,
        }.get(path)  # fmt: skip

    def _prometheus(self, path: str, query: dict[str, str]) -> Any:
        expression = query["query"]
        back = WEEK if "offset 1w" in expression else 0
        if path.endswith("range"):
            times: list[float] = [float(query["start"])]
            while times[-1] + float(query["step"]) <= float(query["end"]):
                times.append(times[-1] + float(query["step"]))
            values: list[Any] = [[at, str(v)] for at in times if (v := self.figure(expression, at)) is not None]
            found: list[Any] = [{"metric": {}, "values": values}] if values else []
            return {"status": "success", "data": {"resultType": "matrix", "result": found}}
        value = self.figure(expression, float(query["time"]) - back)
        result = [] if value is None else [{"metric": {}, "value": [float(query["time"]), str(value)]}]
        return {"status": "success", "data": {"resultType": "vector", "result": result}}


def busy(now: float) -> World:
    """A day with two alerts firing, eight weeks of incidents and proven backups."""
    return World(
        now=now,
        alerts=[
            _alert("ServiceRestarted", "warning", "catalog", "服务 catalog 已重启 / Service catalog was restarted", now - 500),
            _alert("PaymentFailureRatioHigh", "critical", "payments",
                   "支付失败率 83.3% / Payment failure ratio 83.3%", now - 140),
            _alert("Watchdog", "info", "opsctl", "告警链路心跳 / Heartbeat of the alert pipeline", now - 9e5),
        ],
        incidents=[
            _incident(41, "支付失败率 83.3% / Payment failure ratio 83.3%", "payments", "critical", now - 140, 35, None),
            _incident(40, "数据库写入被锁住 / The database is locked for writers", "platform-db", "critical",
                      now - 1.2 * DAY, 48, 205),
            _incident(39, "对象存储已用 94% / Object storage is 94% full", "storage", "critical", now - 3 * DAY, 95, 610),
            _incident(38, "服务 catalog 不可用 / Service catalog is down", "catalog", "critical", now - 6 * DAY, 41, 152),
        ],
        stats={
            "open": 1,
            "weeks": [
                {"start": monday(now) - back * WEEK, "opened": opened, "mtta_seconds": mtta, "mttr_seconds": mttr}
                for back, opened, mtta, mttr in (
                    (7, 5, 410, 2900), (6, 3, 380, 2400), (5, 4, 300, 1900), (4, 0, None, None), (3, 6, 190, 1300),
                    (2, 2, 150, 800), (1, 3, 88, 520), (0, 2, 42, 210),
                )
            ],
        },
        backup={
            "repository": "local", "damaged": [],
            "sources": [{
                "source": "platform", "snapshots": 14, "last_snapshot": "s14", "last_success": now - 2 * 3600,
                "last_bytes": 48_200_000, "last_drill": now - 7 * 3600, "last_drill_ok": True, "last_drill_reason": "",
                "last_proven": now - 7 * 3600, "rpo_seconds": 3.2, "rto_seconds": 4.8,
            }],
        },
        drills=[
            {"started": now - (7 + 24 * back) * 3600, "ok": back != 6, "rto_seconds": 4.8 + back % 3 * 0.7,
             "rpo_seconds": 3.2 + back % 4 * 1.1} for back in range(14)
        ],
    )  # fmt: skip


def _alert(name: str, severity: str, service: str, summary: str, since: float) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": severity, "service": service}, "annotations": {"summary": summary},
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(since)), "fingerprint": name,
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
    }  # fmt: skip


def _incident(
    number: int, title: str, service: str, severity: str, opened: float, acked: float | None, closed: float | None
) -> dict[str, Any]:
    return {
        "id": number, "key": {"alertname": "X", "service": service}, "title": title, "severity": severity,
        "state": "open" if closed is None else "closed", "opened_at": opened,
        "acked_at": None if acked is None else opened + acked, "acked_by": "zhang",
        "closed_at": None if closed is None else opened + closed, "mtta": acked, "mttr": closed,
    }  # fmt: skip


@contextmanager
def serving(world: World) -> Iterator[str]:
    """The world over HTTP; without the viewer's token 401."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            body = world.answer(parts.path, query) if allowed else {"title": "no token"}
            self.send_response(401 if not allowed else 404 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
