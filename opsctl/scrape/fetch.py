"""Fetches one page over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from opsctl.core.errors import OpsctlError
from opsctl.core.http_body import BodyTooLarge, read_body
from opsctl.core.http_client import HttpClient
from opsctl.scrape.content_type import is_openmetrics
from opsctl.scrape.target import Target

_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1"
MOST_BYTES = 64 << 20
"""The longest page, decompressed, of a job without a body_size_limit."""


class ScrapeFailed(Exception):
    """The page could not be fetched; the message says why."""


class BodyLimitExceeded(ScrapeFailed):
    """The page is longer than the job allows."""


@dataclass(frozen=True)
class Page:
    """A fetched page."""

    text: str
    openmetrics: bool


async def fetch(client: HttpClient, target: Target, root: str) -> Page:
    """Gets a target's page within its timeout. Raises ScrapeFailed."""
    job, timeout = target.job, target.timeout
    headers = {
        "Accept": _ACCEPT, "Accept-Encoding": "gzip" if job.enable_compression else "identity",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout:g}",
    }  # fmt: skip
    try:
        async with asyncio.timeout(timeout), client.request("GET", target.url, job, root, headers) as answer:
            if answer.status != 200:
                raise ScrapeFailed(f"server returned HTTP status {answer.status} {answer.reason or ''}".rstrip())
            openmetrics = is_openmetrics(answer.headers.get("Content-Type", ""), job.fallback_scrape_protocol)
            body = await read_body(answer, job.body_size_limit or MOST_BYTES)
            return Page(body.decode(), openmetrics)
    except TimeoutError as error:
        raise ScrapeFailed(f"no answer within {timeout:g}s") from error
    except BodyTooLarge as error:
        raise BodyLimitExceeded(str(error)) from error
    except UnicodeDecodeError as error:
        raise ScrapeFailed("the page is not UTF-8") from error
    except (aiohttp.ClientError, OpsctlError, OSError, ValueError) as error:
        raise ScrapeFailed(str(error) or type(error).__name__) from error
