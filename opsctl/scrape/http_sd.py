"""Targets from HTTP: lists of target groups in JSON, asked for again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import aiohttp

from opsctl.core.clock import Clock
from opsctl.core.errors import OpsctlError
from opsctl.core.http_body import read_body
from opsctl.core.http_client import HttpClient
from opsctl.core.http_errors import failure_text
from opsctl.core.log import Log
from opsctl.scrape.config import HttpSdConfig, ScrapeConfig
from opsctl.scrape.groups import Groups, groups_of_json, labelled

LOG = Log("opsctl.scrape")
_MOST_BYTES = 16 << 20
Key = tuple[str, str]


class BadList(ValueError):
    """The answer is no list of target groups."""


@dataclass
class _Lane:
    config: HttpSdConfig
    root: str
    groups: Groups = ()
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class TargetLists:
    """The groups of every list that jobs name, a loop for each. A list that fails keeps what it said before."""

    def __init__(self, client: HttpClient, clock: Clock, on_change: Callable[[], None], on_failure: Callable[[], None]):
        self._client, self._clock = client, clock
        self._on_change, self._on_failure = on_change, on_failure
        self._lanes: dict[Key, _Lane] = {}

    def configure(self, jobs: Iterable[ScrapeConfig]) -> None:
        """Takes the lists that jobs name; those that stay the same go on."""
        wanted = {(job.job_name, one.url): (one, job.root) for job in jobs for one in job.http_sd_configs}
        for key in [k for k in self._lanes if k not in wanted]:
            _cancel(self._lanes.pop(key))
        for key, (one, root) in wanted.items():
            lane = self._lanes.get(key)
            if lane is not None and (lane.config, lane.root) == (one, root) and lane.task is not None:
                continue
            if lane is not None:
                _cancel(lane)
            self._lanes[key] = lane = _Lane(one, root, lane.groups if lane else ())
            lane.task = asyncio.create_task(self._loop(lane))

    def groups(self, job: ScrapeConfig) -> Groups:
        """The groups of a job's lists as they were last heard, each labelled with its `__meta_url`."""
        lanes = [self._lanes.get((job.job_name, one.url)) for one in job.http_sd_configs]
        return tuple(group for lane in lanes if lane is not None for group in lane.groups)

    async def stop(self) -> None:
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for lane in self._lanes.values():
            _cancel(lane)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lanes.clear()

    async def _loop(self, lane: _Lane) -> None:
        while True:
            try:
                groups = await ask(self._client, lane.config, lane.root)
                if groups != lane.groups:
                    lane.groups = groups
                    self._on_change()
            except (aiohttp.ClientError, OpsctlError, OSError, ValueError) as error:
                self._on_failure()
                LOG.warning(
                    "scrape.target_list_refused", url=lane.config.url, error=failure_text(error, lane.config.url)
                )
            except Exception as error:
                self._on_failure()
                LOG.error("scrape.list_loop_failed", exc=error, url=lane.config.url)
            await self._clock.sleep(lane.config.refresh_interval)


async def ask(client: HttpClient, config: HttpSdConfig, root: str) -> Groups:
    """One list. Raises BadList, CannotPrepare, TimeoutError, and what aiohttp raises."""
    headers = {
        "Accept": "application/json", "Accept-Encoding": "gzip",
        "X-Prometheus-Refresh-Interval-Seconds": f"{config.refresh_interval:g}",
    }  # fmt: skip
    timeout = config.refresh_interval or None
    async with asyncio.timeout(timeout), client.request("GET", config.url, config, root, headers) as answer:
        if answer.status != 200:
            raise BadList(f"server returned HTTP status {answer.status} {answer.reason or ''}".rstrip())
        if answer.content_type != "application/json":
            raise BadList(f'unsupported content type "{answer.headers.get("Content-Type", "")[:80]}"')
        body = await read_body(answer, _MOST_BYTES)
    return labelled(groups_of_json(body), {"__meta_url": config.url})


def _cancel(lane: _Lane) -> None:
    if lane.task is not None:
        lane.task.cancel()
