"""Long verbs in the background: one at a time, each with a state that can be asked for."""

from __future__ import annotations

import dataclasses
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opsctl.core.errors import NotFound, OpsctlError
from opsctl.core.log import Log

LOG = Log("opsctl.backup")
_KEPT = 200

Tell = Callable[[str, int, int, str], None]
Work = Callable[[Tell], Any]


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of a verb. `state`: queued, running, done or failed; `result` is the verb's own."""

    id: str
    verb: str
    source: str
    state: str
    begun: float
    ended: float | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    item: str = ""
    result: Any = None
    error: str = ""
    hint: str = ""


class Background:
    """Runs verbs one after another in a thread of its own; remembers the last 200 until the process ends."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backup")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self.outcomes: Counter[tuple[str, str, str]] = Counter()

    def submit(self, verb: str, source: str, work: Work) -> Job:
        """Queues work; a verb that is already queued or running for this source is that job."""
        with self._lock:
            for each in self._jobs.values():
                if (each.verb, each.source) == (verb, source) and each.state in ("queued", "running"):
                    return each
            job = Job(secrets.token_hex(6), verb, source, "queued", self._clock())
            self._jobs[job.id] = job
            for old in list(self._jobs)[:-_KEPT]:
                del self._jobs[old]
        self._pool.submit(self._run, job.id, work)
        return job

    def get(self, key: str) -> Job:
        """A job's state now. Raises NotFound; a restarted process forgets, and what it was doing never counted."""
        with self._lock:
            if key not in self._jobs:
                raise NotFound(
                    f"no job {key!r}", "the ops process was restarted; look at opsctl backup list and run again"
                )
            return self._jobs[key]

    def close(self) -> None:
        """Lets the running verb end, drops the queued ones."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, key: str, work: Work) -> None:
        self._change(key, state="running")
        try:
            result = work(
                lambda stage, done, total, item: self._change(key, stage=stage, done=done, total=total, item=item)
            )
        except OpsctlError as error:
            self._end(key, "failed", error=error.message, hint=error.hint)
        except Exception as error:  # a defect must not end the thread that all later backups need
            LOG.error("backup.defect", exc=error)
            self._end(
                key, "failed", error=f"{type(error).__name__}: {error}", hint="this is a defect: see ops.json.log"
            )
        else:
            self._end(key, "done", result=result)

    def _end(self, key: str, state: str, **changes: Any) -> None:
        self._change(key, state=state, ended=self._clock(), **changes)
        job = self.get(key)
        self.outcomes[(job.source, job.verb, state)] += 1
        write = LOG.info if state == "done" else LOG.error
        write(f"backup.{job.verb}.{state}", source=job.source, error=job.error)

    def _change(self, key: str, **changes: Any) -> None:
        with self._lock:
            if key in self._jobs:
                self._jobs[key] = dataclasses.replace(self._jobs[key], **changes)
