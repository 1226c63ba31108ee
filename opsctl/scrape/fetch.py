"""Fetches one page over HTTP."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from opsctl import __version__
from opsctl.scrape.config import ScrapeConfig
from opsctl.scrape.target import Target

_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"


class ScrapeFailed(Exception):
    """The page could not be fetched; the message says why."""


@dataclass(frozen=True)
class Page:
    """A fetched page."""

    text: str
    openmetrics: bool


async def fetch(session: aiohttp.ClientSession, target: Target, root: str) -> Page:
    """Gets a target's page within its job's timeout. Raises ScrapeFailed."""
    timeout = target.timeout
    headers = {
        "Accept": _ACCEPT, "Accept-Encoding": "gzip", "User-Agent": f"opsctl/{__version__}",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout:g}", **_authorization(target.job, root),
    }  # fmt: skip
    try:
        async with asyncio.timeout(timeout), session.get(target.url, headers=headers) as answer:
            if answer.status != 200:
                raise ScrapeFailed(f"server returned HTTP status {answer.status} {answer.reason or ''}".rstrip())
            body = await answer.read()
            return Page(body.decode(), "openmetrics" in answer.headers.get("Content-Type", ""))
    except TimeoutError as error:
        raise ScrapeFailed(f"no answer within {timeout:g}s") from error
    except UnicodeDecodeError as error:
        raise ScrapeFailed("the page is not UTF-8") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ScrapeFailed(str(error) or type(error).__name__) from error


def _authorization(job: ScrapeConfig, root: str) -> dict[str, str]:
    """The job's credentials; files are read at every scrape, so that they can be renewed."""
    if job.basic_auth is not None:
        auth = job.basic_auth
        user = auth.username or _secret(auth.username_file, root)
        password = auth.password or _secret(auth.password_file, root)
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    if job.authorization is not None:
        credentials = job.authorization.credentials or _secret(job.authorization.credentials_file, root)
        return {"Authorization": f"{job.authorization.type} {credentials}"}
    token = job.bearer_token or _secret(job.bearer_token_file, root)
    return {"Authorization": f"Bearer {token}"} if token else {}


def _secret(file: str, root: str) -> str:
    if not file:
        return ""
    try:
        return (Path(root) / file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ScrapeFailed(f"cannot read {file}: {error.strerror}") from error
