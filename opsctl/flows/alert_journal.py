"""What was pending or firing, kept over a restart in one small file beside the store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from opsctl.core.errors import OpsctlError
from opsctl.core.folder import write_whole
from opsctl.core.log import Log
from opsctl.metrics.storage import Storage
from opsctl.rules import Group, GroupState, dump_state, load_state, restored_state
from opsctl.rules.restore import OUTAGE_TOLERANCE
from opsctl.rules.state import RuleState

LOG = Log("opsctl.flows.ruling")
_AGAIN_SECONDS = 10.0


class AlertJournal:
    """Saves all groups' alerts when they change, and gives a group its own back.

    Alerts from before an outage longer than `tolerance` seconds are forgotten, as Prometheus forgets them; `grace`: see
    restored_state.
    """

    def __init__(self, file: Path, tolerance: float = OUTAGE_TOLERANCE, grace: float = 0.0) -> None:
        self._file, self._tolerance, self._grace = file, tolerance, grace
        self._written = b""
        self._unreachable_at = 0.0
        self._at, self._states = self._read()

    def _read(self) -> tuple[float, Mapping[str, GroupState]]:
        try:
            data = orjson.loads(self._file.read_bytes())
            return float(data["saved_at"]), load_state(data["alerts"])
        except FileNotFoundError:
            return 0.0, {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            LOG.warning("rules.journal_unreadable", file=str(self._file), error=str(error))
            return 0.0, {}

    def state(self, group: Group, storage: Storage, now: float) -> GroupState:
        """A group's alerts as they were before the restart.

        What was firing comes from the file, with what was sent of it, so that its end is sent too; what was pending
        comes from ALERTS_FOR_STATE, so that the time of the outage does not count as waiting.
        """
        rules = dict(self._stored(group, storage, now).rules)
        if now - self._at <= self._tolerance:
            for key, saved in self._states.get(group.key, GroupState()).rules.items():
                firing = {labels: alert for labels, alert in saved.active.items() if alert.state == "firing"}
                rules[key] = RuleState({**rules.get(key, RuleState()).active, **firing})
        return GroupState(rules)

    def _stored(self, group: Group, storage: Storage, now: float) -> GroupState:
        """What the store remembers; nothing while it does not answer: a store elsewhere may start after us."""
        if self._unreachable_at and now - self._unreachable_at < _AGAIN_SECONDS:
            return GroupState()
        try:
            return restored_state(group, storage, now, self._tolerance, self._grace)
        except OpsctlError as error:
            self._unreachable_at = now
            LOG.warning("rules.restore_failed", group=group.key, error=error.message)
            return GroupState()

    def forget(self) -> None:
        """Lets go of what was read: from now on the groups remember for themselves."""
        self._states = {}

    def save(self, states: Mapping[str, GroupState], now: float) -> None:
        """Writes the file when it would say something new, or grows too old to be believed."""
        alerts = orjson.dumps(dump_state(states))
        if alerts == self._written and now - self._at < self._tolerance / 2:
            return
        write_whole(self._file, b'{"saved_at":' + str(now).encode() + b',"alerts":' + alerts + b"}")
        self._written, self._at = alerts, now
