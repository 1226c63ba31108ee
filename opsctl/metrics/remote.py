"""Any engine with Prometheus' HTTP API as a store: Prometheus, VictoriaMetrics, Thanos, Mimir.

What is appended does not leave from here: a remote-write lane with a buffer on disk carries it.
Source: prometheus.io/docs/prometheus/latest/querying/api.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import requests
from prometheus_client import CollectorRegistry, Counter, Gauge

from opsctl.core.errors import OpsctlError, Unreachable
from opsctl.metrics.storage import Appended, Matchers, StoreStatus
from opsctl.model.batch import Batch
from opsctl.model.labels import METRIC_NAME, Labels
from opsctl.model.series import Series

_FIRST_MS, _LAST_MS = -(2**53), 2**53
_CONNECT_SECONDS = 3.0
_MOST_BYTES = 512 << 20
Form = dict[str, Any]


class RemoteRefused(OpsctlError):
    """The engine answers with an error; `kind` is Prometheus' errorType."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class RemoteApi:
    """Asks one engine. Blocks: for pools of threads. `timeout` in seconds; the token is read for each request."""

    def __init__(self, url: str, registry: CollectorRegistry, timeout: float = 30.0, token_file: Path | None = None):
        self.url, self._timeout, self._token_file = url.rstrip("/"), timeout, token_file
        self._session = requests.Session()
        self._session.trust_env = False
        self._up = Gauge("opsctl_metrics_engine_up", "Whether the engine answered last time.", registry=registry)
        self._asked = Counter(
            "opsctl_metrics_engine_requests", "Requests to the engine.", ["outcome"], registry=registry
        )  # fmt: skip

    def ask(self, path: str, form: Form, method: str = "POST") -> Any:
        """The whole answer of an API path, `data` and warnings. Raises Unreachable, RemoteRefused."""
        try:
            answer = self._send(path, form, method)
            body = orjson.loads(_content(answer))
            kind = body.get("errorType", "") if body["status"] == "error" else ""
        except (requests.RequestException, OSError) as error:
            raise self._unreachable(type(error).__name__) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unreachable(f"HTTP {answer.status_code} without Prometheus' JSON") from error
        self._up.set(1)
        self._asked.labels(kind or "ok").inc()
        if kind:
            raise RemoteRefused(kind, str(body.get("error", "")))
        return body

    def _send(self, path: str, form: Form, method: str) -> requests.Response:
        where: Form = {"data": form} if method == "POST" else {"params": form}
        headers = {}
        if self._token_file is not None:
            headers["Authorization"] = f"Bearer {self._token_file.read_text(encoding='utf-8').strip()}"
        timeout = (_CONNECT_SECONDS, self._timeout)
        return self._session.request(
            method, f"{self.url}/api/v1/{path}", headers=headers, timeout=timeout, stream=True, **where
        )

    def _unreachable(self, why: str) -> Unreachable:
        self._up.set(0)
        self._asked.labels("unreachable").inc()
        return Unreachable(
            f"the metrics engine at {self.url} does not answer ({why})",
            "see metrics.url and metrics.token_file in opsctl.yml",
        )


def _content(answer: requests.Response) -> bytes:
    """The body, which is read no further than what we can hold. Raises ValueError beyond that."""
    parts, size = [], 0
    with answer:
        for part in answer.iter_content(1 << 20):
            size += len(part)
            if size > _MOST_BYTES:
                raise ValueError("too large")
            parts.append(part)
    return b"".join(parts)


class RemoteStore:
    """A Storage whose samples lie in the engine. Staleness markers cannot be seen from outside."""

    def __init__(self, api: RemoteApi) -> None:
        self._api = api
        self._appended = 0

    def append(self, *batches: Batch) -> Appended:
        """As Storage: all is taken on; the engine decides when it arrives, and what it refuses is counted there."""
        count = sum(len(batch.values) for batch in batches)
        self._appended += count
        return Appended(kept=count)

    def select(self, matchers: Matchers, start_ms: int, end_ms: int) -> Sequence[Series]:
        """As Storage, by a range selector at the end of the span."""
        expr = f"{selector(matchers)}[{max(1, end_ms - start_ms + 1)}ms]"
        data = self._api.ask("query", {"query": expr, "time": end_ms / 1000})["data"]
        return [part for part in map(series_of, data["result"]) if len(part.times) and part.times[-1] >= start_ms]

    def series(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[Labels]:
        """As Storage."""
        form = {"match[]": [selector(m) for m in sets] or [selector(())], **_span(start_ms, end_ms)}
        return sorted(Labels(one) for one in self._api.ask("series", form)["data"])

    def label_names(self, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[str]:
        """As Storage."""
        form = {"match[]": [selector(m) for m in sets], **_span(start_ms, end_ms)}
        return list(self._api.ask("labels", form)["data"])

    def label_values(self, name: str, sets: Sequence[Matchers], start_ms: int, end_ms: int) -> list[str]:
        """As Storage."""
        form = {"match[]": [selector(m) for m in sets], **_span(start_ms, end_ms)}
        return list(self._api.ask(f"label/{name}/values", form, "GET")["data"])

    def maintain(self, now: float) -> None:
        """Nothing to do: the engine looks after itself."""

    def status(self) -> StoreStatus:
        return StoreStatus(appended=self._appended)

    def metric_counts(self) -> dict[str, int]:
        """The engine's own largest metrics; {} where it does not say."""
        rows = self._api.ask("status/tsdb", {}, "GET")["data"].get("seriesCountByMetricName") or []
        return {row["name"]: int(row["value"]) for row in rows}

    def close(self) -> None:
        """As Storage."""


def selector(matchers: Matchers) -> str:
    """Matchers as PromQL writes them; none select everything."""
    return "{" + ",".join(map(str, matchers)) + "}" if matchers else f'{{{METRIC_NAME}=~".+"}}'


def series_of(row: Any) -> Series:
    """One row of a matrix."""
    values = row.get("values") or []
    times = np.array([round(float(at) * 1000) for at, _ in values], dtype=np.int64)
    return Series(Labels(row["metric"]), times, np.array([float(v) for _, v in values], dtype=np.float64))


def _span(start_ms: int, end_ms: int) -> Form:
    """The borders that say something; open ones are left to the engine."""
    span = {
        "start": start_ms / 1000 if start_ms > _FIRST_MS else None,
        "end": end_ms / 1000 if end_ms < _LAST_MS else None,
    }
    return {name: at for name, at in span.items() if at is not None}
