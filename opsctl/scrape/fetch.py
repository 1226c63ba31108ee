"""Fetches one page over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from opsctl.core.errors import OpsctlError
from opsctl.core.http_body import BodyTooLarge, read_body
from opsctl.core.http_client import HttpClient
from opsctl.core.http_errors import DEADLINE, failure_text
from opsctl.scrape.config.job import PROTOCOLS
from opsctl.scrape.content_type import accept_header, is_openmetrics
from opsctl.scrape.target import Target

MOST_BYTES = 64 << 20
"""The longest page, decompressed, of a job without a body_size_limit."""


class ScrapeFailed(Exception):
    """The page could not be fetched; the message says why."""


class BodyLimitExceeded(ScrapeFailed):
    """The page is as long as the job's limit, or longer."""


@dataclass(frozen=True)
class Page:
    """A fetched page; `size` in bytes, decompressed."""

    text: str
    openmetrics: bool
    size: int = 0


async def fetch(client: HttpClient, target: Target) -> Page:
    """Gets a target's page within its timeout. Raises ScrapeFailed."""
    answered = False
    try:
        async with (
            asyncio.timeout(target.timeout),
            client.request("GET", target.url, target.job, target.job.root, _headers(target)) as answer,
        ):
            answered = True
            return await _page(answer, target)
    except BodyTooLarge as error:
        raise BodyLimitExceeded(str(error)) from error
    except TimeoutError as error:
        raise ScrapeFailed(DEADLINE if answered else failure_text(error, target.url)) from error
    except (aiohttp.ClientError, OpsctlError, OSError, ValueError) as error:
        raise ScrapeFailed(failure_text(error, target.url)) from error


def _headers(target: Target) -> dict[str, str]:
    job = target.job
    return {
        "Accept": accept_header(job.scrape_protocols or PROTOCOLS, job.metric_name_escaping_scheme),
        "Accept-Encoding": "gzip" if job.enable_compression else "identity",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout:.9f}".rstrip("0").rstrip("."),
    }


async def _page(answer: aiohttp.ClientResponse, target: Target) -> Page:
    """An empty page is a good one, whatever it says of itself."""
    if answer.status != 200:
        raise ScrapeFailed(f"server returned HTTP status {answer.status} {answer.reason or ''}".rstrip())
    limit = target.job.body_size_limit
    body = await read_body(answer, limit - 1 if limit else MOST_BYTES)
    if not body:
        return Page("", False)
    openmetrics = is_openmetrics(answer.headers.get("Content-Type", ""), target.job.fallback_scrape_protocol)
    try:
        return Page(body.decode(), openmetrics, len(body))
    except UnicodeDecodeError as error:
        raise ScrapeFailed(f"invalid UTF-8 at byte {error.start}") from error
