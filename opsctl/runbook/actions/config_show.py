"""Shows a value of the configuration in force, its version, the version before and what changed between them."""

from __future__ import annotations

from pathlib import Path

from opsctl.core.document import document, nearest
from opsctl.core.errors import NotFound
from opsctl.runbook.action import Action, Context, Output
from opsctl.runbook.versions import Versions


@document
class ConfigShow:
    """`config`: a configuration of the inventory. `key`: dotted; '' shows no value."""

    config: str = "platform"
    system: str = ""
    key: str = ""


class ConfigShowAction(Action[ConfigShow]):
    name = "config_show"
    inputs = ConfigShow
    outputs = ("version", "previous", "versions", "value", "diff")

    def run(self, context: Context, inputs: ConfigShow) -> Output:
        folder = versions_of(context, inputs.system, inputs.config)
        version = folder.current()
        previous = folder.before(version)
        return {
            "version": version,
            "previous": previous,
            "versions": folder.all()[-10:],
            "value": folder.value(version, inputs.key) if inputs.key else None,
            "diff": folder.diff(previous, version) if previous else "",
        }


def versions_of(context: Context, system: str, config: str) -> Versions:
    """The folder of a configuration that the inventory names. Raises NotFound."""
    inventory = context.inventory(system)
    found = inventory.config(config)
    if found is None:
        hint = nearest(config, [c.name for c in inventory.configs])
        raise NotFound(f"{inventory.system} has no configuration {config!r}", hint)
    return Versions(Path(found.folder))
