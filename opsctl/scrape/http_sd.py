"""Targets from HTTP: lists of target groups in JSON, asked for again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
from pydantic import TypeAdapter, ValidationError

from opsctl.core.clock import Clock
from opsctl.core.errors import OpsctlError
from opsctl.core.http_body import read_body
from opsctl.core.http_client import HttpClient
from opsctl.core.log import Log
from opsctl.scrape.config import HttpSdConfig, PrometheusConfig, ScrapeConfig, StaticConfig

LOG = Log("opsctl.scrape")
_GROUPS = TypeAdapter(tuple[StaticConfig, ...])
_MOST_BYTES = 16 << 20
_TIMEOUT = 30.0
Groups = tuple[StaticConfig, ...]
Key = tuple[str, str]


class BadList(ValueError):
    """The answer is no list of target groups."""


@dataclass
class _Lane:
    config: HttpSdConfig
    groups: Groups = ()
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class TargetLists:
    """The groups of every list that jobs name, a loop for each. A list that fails keeps what it said before."""

    def __init__(self, client: HttpClient, clock: Clock, on_change: Callable[[], None], on_failure: Callable[[], None]):
        self._client, self._clock = client, clock
        self._on_change, self._on_failure = on_change, on_failure
        self._lanes: dict[Key, _Lane] = {}

    def configure(self, config: PrometheusConfig) -> None:
        """Takes the lists of a configuration; those that stay the same go on."""
        wanted = {(job.job_name, one.url): one for job in config.scrape_configs for one in job.http_sd_configs}
        for key in [k for k in self._lanes if k not in wanted]:
            _cancel(self._lanes.pop(key))
        for key, one in wanted.items():
            lane = self._lanes.get(key)
            if lane is not None and lane.config == one and lane.task is not None:
                continue
            if lane is not None:
                _cancel(lane)
            self._lanes[key] = lane = _Lane(one, lane.groups if lane else ())
            lane.task = asyncio.create_task(self._loop(lane, config.root))

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

    async def _loop(self, lane: _Lane, root: str) -> None:
        while True:
            try:
                groups = await ask(self._client, lane.config, root)
                if groups != lane.groups:
                    lane.groups = groups
                    self._on_change()
            except (aiohttp.ClientError, OpsctlError, OSError, ValueError) as error:
                self._on_failure()
                LOG.warning("scrape.target_list_refused", url=lane.config.url, error=str(error) or "no answer")
            await self._clock.sleep(lane.config.refresh_interval)


async def ask(client: HttpClient, config: HttpSdConfig, root: str) -> Groups:
    """One list. Raises BadList, CannotPrepare, TimeoutError, and what aiohttp raises."""
    headers = {
        "Accept": "application/json", "Accept-Encoding": "gzip",
        "X-Prometheus-Refresh-Interval-Seconds": f"{config.refresh_interval:g}",
    }  # fmt: skip
    async with asyncio.timeout(_TIMEOUT), client.request("GET", config.url, config, root, headers) as answer:
        if answer.status != 200:
            raise BadList(f"server returned HTTP status {answer.status}")
        if answer.content_type != "application/json":
            raise BadList(f"Content-Type is {answer.content_type!r}, not application/json")
        body = await read_body(answer, _MOST_BYTES)
    try:
        found = _GROUPS.validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{step}]" for step in first["loc"])
        raise BadList(f"not a list of target groups: {place} {first['msg']}") from error
    return tuple(StaticConfig(targets=g.targets, labels={**g.labels, "__meta_url": config.url}) for g in found)


def _cancel(lane: _Lane) -> None:
    if lane.task is not None:
        lane.task.cancel()
