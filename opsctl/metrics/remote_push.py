"""Samples to a running server by remote write 1.0, in the order of time, a request after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import requests
from numpy.typing import NDArray

from opsctl.core.errors import Forbidden, OpsctlError, Unreachable
from opsctl.metrics.remote_protocol import encoded_instant, packed
from opsctl.model.labels import Labels
from opsctl.model.series import Series

_SAMPLES = 10_000
_HEADERS = {
    "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}  # fmt: skip


class RemotePush:
    """Sends to `{url}/api/v1/write`, with the token of a file where one is named. `timeout` in seconds a request."""

    def __init__(self, url: str, token_file: Path | None = None, timeout: float = 60.0) -> None:
        self._url, self._timeout = url.rstrip("/"), timeout
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(_HEADERS)
        if token_file is not None:
            self._session.headers["Authorization"] = f"Bearer {token_file.read_text(encoding='utf-8').strip()}"

    def __call__(self, series: Sequence[Series]) -> bool:
        """Sends the samples of all series; whether some were refused. Raises Unreachable, Forbidden, OpsctlError."""
        refused = False
        parts: list[bytes] = []
        held = 0
        for at_ms, labels, values in _instants(series):
            parts.append(encoded_instant(labels, at_ms, values))
            held += len(labels)
            if held >= _SAMPLES:
                refused |= self._send(b"".join(parts))
                parts, held = [], 0
        return (self._send(b"".join(parts)) if parts else False) or refused

    def _send(self, request: bytes) -> bool:
        try:
            answer = self._session.post(f"{self._url}/api/v1/write", data=packed(request), timeout=self._timeout)
        except requests.RequestException as error:
            raise Unreachable(f"{self._url} does not answer ({type(error).__name__})", "start it: opsctl up") from error
        if answer.ok or answer.status_code == 400:
            return not answer.ok
        if answer.status_code in (401, 403):
            raise Forbidden(f"{self._url} does not let this role write", "writing needs an operator: --as operator")
        raise OpsctlError(
            f"{self._url} takes no remote write: {answer.status_code} {answer.text.strip()[:200]}",
            "start it with --web.enable-remote-write-receiver, or stop it and name its folder: --storage.tsdb.path DIR",
        )


def _instants(series: Sequence[Series]) -> Iterator[tuple[int, list[Labels], NDArray[np.float64]]]:
    """The samples of each time, oldest first."""
    times = np.concatenate([one.times for one in series])
    rows = np.repeat(np.arange(len(series)), [len(one.times) for one in series])
    values = np.concatenate([one.values for one in series])
    order = np.argsort(times, kind="stable")
    times, rows, values = times[order], rows[order], values[order]
    for first, last in itertools.pairwise([0, *(np.flatnonzero(np.diff(times)) + 1).tolist(), len(times)]):
        yield int(times[first]), [series[row].labels for row in rows[first:last].tolist()], values[first:last]
