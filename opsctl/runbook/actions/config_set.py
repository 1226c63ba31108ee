"""Changes one value of a configuration: a new version, put in force, with the record that takes it back."""

from __future__ import annotations

from typing import Any

from opsctl.core.clock import iso
from opsctl.core.document import document
from opsctl.core.errors import OpsctlError
from opsctl.runbook.action import Action, Context, Output, Preview
from opsctl.runbook.actions.config_show import versions_of


@document
class ConfigSet:
    """`key`: an existing dotted key; `value`: of the type that is there."""

    key: str
    value: Any
    config: str = "platform"
    system: str = ""


class ConfigSetAction(Action[ConfigSet]):
    name = "config_set"
    inputs = ConfigSet
    outputs = ("changed", "version", "previous", "key", "old", "new")
    changes = True

    def preview(self, context: Context, inputs: ConfigSet) -> Preview:
        folder = versions_of(context, inputs.system, inputs.config)
        current = folder.current()
        try:
            old = folder.value(current, inputs.key)
            folder.with_value(current, inputs.key, inputs.value)
        except OpsctlError as error:
            return Preview(f"不能改 {inputs.key}", f"cannot change {inputs.key}", (error.message,))
        if old == inputs.value:
            return Preview(f"{inputs.key} 已是 {old!r}，不改动", f"{inputs.key} is {old!r} already: nothing to change")
        return Preview(
            f"在版本 {current} 之上写新版本：{inputs.key} 由 {old!r} 改为 {inputs.value!r}，并生效",
            f"write a new version on top of {current} with {inputs.key}: {old!r} → {inputs.value!r}, and put it in force",
            detail={"key": inputs.key, "old": old, "new": inputs.value, "from_version": current},
        )

    def run(self, context: Context, inputs: ConfigSet) -> Output:
        folder = versions_of(context, inputs.system, inputs.config)
        current = folder.current()
        old = folder.value(current, inputs.key)
        if old == inputs.value:
            return _output(inputs, False, current, folder.before(current), old)
        text = folder.with_value(current, inputs.key, inputs.value)
        why = {
            "at": iso(context.now),
            "by": context.by,
            "run": context.run,
            "key": inputs.key,
            "old": old,
            "new": inputs.value,
        }
        return _output(inputs, True, folder.put(text, current, why), current, old)

    def verify(self, context: Context, inputs: ConfigSet) -> Output | None:
        """Done if the value is in force; the value before it is read from the version before."""
        folder = versions_of(context, inputs.system, inputs.config)
        current = folder.current()
        if folder.value(current, inputs.key) != inputs.value:
            return None
        previous = folder.before(current)
        old = folder.value(previous, inputs.key) if previous else inputs.value
        return _output(inputs, old != inputs.value, current, previous, old)


def _output(inputs: ConfigSet, changed: bool, version: str, previous: str, old: Any) -> Output:
    return {
        "changed": changed, "version": version, "previous": previous, "key": inputs.key, "old": old, "new": inputs.value,
    }  # fmt: skip
