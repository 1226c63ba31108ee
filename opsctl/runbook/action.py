"""What an action is: typed inputs, a preview that changes nothing, the act, and a check after a crash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from opsctl.core.document import nearest
from opsctl.core.errors import NotFound
from opsctl.model.inventory import Inventory

I = TypeVar("I")  # noqa: E741 - the inputs' class
Output = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What actions may look at: the inventories, where things are, the instant, and whether somebody said stop."""

    inventories: Mapping[str, Inventory]
    home: Path
    metrics_url: str
    supervisor: Path
    now: float
    timeout: float = 30.0
    by: str = ""
    run: str = ""
    stopped: Callable[[], bool] = field(default=lambda: False)

    def inventory(self, system: str) -> Inventory:
        """The inventory of a system; '' is the only one. Raises NotFound."""
        if not system and len(self.inventories) == 1:
            return next(iter(self.inventories.values()))
        if system not in self.inventories:
            raise NotFound(f"no system {system!r}", nearest(system, list(self.inventories)))
        return self.inventories[system]


@dataclass(frozen=True)
class Preview:
    """What an action would do, in words; `problems` are the reasons for which it would fail now."""

    zh: str
    en: str
    problems: tuple[str, ...] = ()
    detail: Output = field(default_factory=dict)


class Action(Generic[I]):
    """One kind of step. Instances hold nothing; all they need comes with the call.

    `changes` False promises that `run` only reads: such an action is run in a dry run too.
    """

    name: ClassVar[str]
    inputs: type[I]
    outputs: ClassVar[tuple[str, ...]]
    changes: ClassVar[bool] = False

    def run(self, context: Context, inputs: I) -> Output:
        """Does it, and returns the fields named in `outputs`. Raises OpsctlError when it failed."""
        raise NotImplementedError

    def preview(self, context: Context, inputs: I) -> Preview:
        """Says exactly what `run` would do now, checked against the live system; changes nothing."""
        raise NotImplementedError

    def verify(self, context: Context, inputs: I) -> Output | None:
        """After a crash: the output if the act is known to have been done, None when that cannot be told."""
        return None
