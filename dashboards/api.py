"""The operations API, as the pages need it. What does not come is None: a page shows it as missing, never as zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

Points = list[tuple[float, float]]
"""(epoch seconds, value), rising."""


@dataclass
class Api:
    """Reads `url` with the viewer token of `token_file`. `problems` collects why something is missing."""

    url: str
    token_file: str = ""
    token: str = ""
    timeout: float = 6.0
    problems: list[str] = field(default_factory=list)
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._session.trust_env = False

    def get(self, path: str, **parameters: Any) -> Any | None:
        """The JSON at `path`, None with a problem noted when it does not come."""
        try:
            answer = self._session.get(
                f"{self.url.rstrip('/')}{path}", params=parameters, timeout=self.timeout, headers=self._headers()
            )
        except (requests.RequestException, OSError) as error:
            self._note(f"{path}: {type(error).__name__}")
            return None
        if not answer.ok:
            self._note(f"{path}: {answer.status_code} {answer.reason}")
            return None
        try:
            return answer.json()
        except ValueError:
            self._note(f"{path}: not JSON")
            return None

    def number(self, expression: str, at: float) -> float | None:
        """One number at an instant; None where there is no sample."""
        series = self._result("/api/v1/query", query=expression, time=at)
        return _finite(series[0]["value"][1]) if series else None

    def points(self, expression: str, start: float, end: float, step: float) -> Points | None:
        """One series over time, [] where it has no samples, None where the API does not answer."""
        series = self._result("/api/v1/query_range", query=expression, start=start, end=end, step=step)
        if series is None:
            return None
        found = series[0]["values"] if series else []
        return [(float(at), value) for at, text in found if (value := _finite(text)) is not None]

    def _result(self, path: str, **parameters: Any) -> list[Any] | None:
        body = self.get(path, **parameters)
        data = body.get("data") if isinstance(body, dict) else None
        return data.get("result") if isinstance(data, dict) else None

    def _headers(self) -> dict[str, str]:
        token = self.token or (Path(self.token_file).read_text().strip() if self.token_file else "")
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def seconds(value: Any) -> float | None:
    """An instant as epoch seconds, from a number or an RFC 3339 text; None for nothing and for the year 1."""
    if isinstance(value, int | float):
        return float(value) or None
    if not isinstance(value, str) or not value or value.startswith("0001-"):
        return None
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def rows(body: Any, *names: str) -> list[dict[str, Any]] | None:
    """The list in an answer: the answer itself, or its part by one of `names`."""
    if isinstance(body, Mapping):
        body = next((body[name] for name in names if name in body), None)
    if not isinstance(body, Sequence) or isinstance(body, str):
        return None
    return [row for row in body if isinstance(row, dict)]
