"""Token buckets: so many requests a minute, a tenth of a minute's worth at once. Pure: the caller brings the time."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 20_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limiter:
    """One bucket a key. Keys that have been full again for long are forgotten."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, key: str, per_minute: int, now: float) -> float:
        """Takes one token: 0 when the request may pass, else the seconds until it may. `per_minute` 0 = no limit."""
        if per_minute <= 0:
            return 0.0
        rate, size = per_minute / 60, max(10.0, per_minute / 10)
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MOST:
                self._forget(now)
            bucket = self._buckets[key] = _Bucket(size, now)
        bucket.tokens = min(size, bucket.tokens + max(0.0, now - bucket.at) * rate)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / rate

    def _forget(self, now: float) -> None:
        """Drops the keys not seen for a minute; when all are recent, the older half."""
        old = [k for k, b in self._buckets.items() if now - b.at > 60]
        for key in old or list(self._buckets)[: MOST // 2]:
            del self._buckets[key]
