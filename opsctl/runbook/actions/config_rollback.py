"""Puts an earlier version of a configuration in force again."""

from __future__ import annotations

from opsctl.core.clock import iso
from opsctl.core.document import document
from opsctl.runbook.action import Action, Context, Output, Preview
from opsctl.runbook.actions.config_show import versions_of


@document
class ConfigRollback:
    """From exactly the version that was looked at, to exactly the version named: nothing is guessed."""

    from_version: str
    to_version: str
    config: str = "platform"
    system: str = ""


class ConfigRollbackAction(Action[ConfigRollback]):
    name = "config_rollback"
    inputs = ConfigRollback
    outputs = ("version", "previous")
    changes = True

    def preview(self, context: Context, inputs: ConfigRollback) -> Preview:
        folder = versions_of(context, inputs.system, inputs.config)
        current, problems = folder.current(), []
        if current != inputs.from_version:
            problems.append(f"version {current} is in force, not {inputs.from_version}")
        if inputs.to_version not in folder.all():
            problems.append(f"there is no version {inputs.to_version!r}")
        diff = "" if problems else folder.diff(current, inputs.to_version)
        return Preview(
            f"配置由版本 {inputs.from_version} 退回 {inputs.to_version}",
            f"put version {inputs.to_version} in force instead of {inputs.from_version}",
            tuple(problems),
            {"diff": diff},
        )

    def run(self, context: Context, inputs: ConfigRollback) -> Output:
        folder = versions_of(context, inputs.system, inputs.config)
        why = {"at": iso(context.now), "by": context.by, "run": context.run}
        folder.switch(inputs.to_version, inputs.from_version, why)
        return {"version": inputs.to_version, "previous": inputs.from_version}

    def verify(self, context: Context, inputs: ConfigRollback) -> Output | None:
        current = versions_of(context, inputs.system, inputs.config).current()
        if current != inputs.to_version:
            return None
        return {"version": current, "previous": inputs.from_version}
