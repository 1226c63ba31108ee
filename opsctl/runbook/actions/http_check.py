"""Asks a URL and says whether and how it answered."""

from __future__ import annotations

import re
import time
from typing import Annotated

import requests
from pydantic import Field

from opsctl.core.document import Duration, document
from opsctl.runbook.action import Action, Context, Output


@document
class HttpCheck:
    """`accept`: the statuses that count as well, e.g. `200-399` or `200,204,404`. Redirects are not followed."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    method: str = "GET"
    accept: Annotated[str, Field(pattern=r"^\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*$")] = "200-399"
    timeout: Duration = 3.0


class HttpCheckAction(Action[HttpCheck]):
    name = "http_check"
    inputs = HttpCheck
    outputs = ("ok", "status", "seconds", "error", "url")

    def run(self, context: Context, inputs: HttpCheck) -> Output:
        """Never raises because the other side is down: that is the answer."""
        status, error, start = 0, "", time.monotonic()
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.request(
                    inputs.method, inputs.url, timeout=inputs.timeout, allow_redirects=False, stream=True
                )
                status = answer.status_code
                answer.close()
            except requests.RequestException as failure:
                error = _reason(failure)
        seconds = round(time.monotonic() - start, 3)
        return {
            "ok": accepted(status, inputs.accept),
            "status": status,
            "seconds": seconds,
            "error": error,
            "url": inputs.url,
        }


def accepted(status: int, accept: str) -> bool:
    """Whether a status lies in ranges such as `200-299,404`."""
    bounds = (part.split("-") for part in accept.split(","))
    return any(int(b[0]) <= status <= int(b[-1]) for b in bounds)


def _reason(failure: requests.RequestException) -> str:
    if isinstance(failure, requests.Timeout):
        return "timed out"
    inner = re.search(
        r"(Connection refused|Name or service not known|Connection reset by peer|certificate[^')]*)", str(failure)
    )
    return inner[1] if inner else type(failure).__name__
