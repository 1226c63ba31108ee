"""What a step may do: one file each, all of them named here."""

from __future__ import annotations

from typing import Any

from opsctl.runbook.action import Action
from opsctl.runbook.actions.config_rollback import ConfigRollbackAction
from opsctl.runbook.actions.config_set import ConfigSetAction
from opsctl.runbook.actions.config_show import ConfigShowAction
from opsctl.runbook.actions.end_process import EndProcessAction
from opsctl.runbook.actions.http_check import HttpCheckAction
from opsctl.runbook.actions.lock_holder import LockHolderAction
from opsctl.runbook.actions.port_holder import PortHolderAction
from opsctl.runbook.actions.probe_sql import ProbeSqlAction
from opsctl.runbook.actions.process_restart import ProcessRestartAction
from opsctl.runbook.actions.process_start import ProcessStartAction
from opsctl.runbook.actions.process_status import ProcessStatusAction
from opsctl.runbook.actions.process_stop import ProcessStopAction
from opsctl.runbook.actions.query import QueryAction
from opsctl.runbook.actions.task import TaskAction, TaskPreviewAction

ACTIONS: tuple[Action[Any], ...] = (
    HttpCheckAction(),
    QueryAction(),
    ProbeSqlAction(),
    ConfigShowAction(),
    ConfigSetAction(),
    ConfigRollbackAction(),
    ProcessStatusAction(),
    ProcessStartAction(),
    ProcessStopAction(),
    ProcessRestartAction(),
    PortHolderAction(),
    LockHolderAction(),
    EndProcessAction(),
    TaskPreviewAction(),
    TaskAction(),
)
BY_NAME: dict[str, Action[Any]] = {a.name: a for a in ACTIONS}
