"""runbooks/README.md names every action with its inputs and outputs, and its example is a good runbook."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from opsctl.runbook.actions import ACTIONS
from opsctl.runbook.library import load_text

README = (Path(__file__).parents[2] / "runbooks" / "README.md").read_text()


def test_every_action_is_told() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line.startswith("| `")
    ]
    for action in ACTIONS:
        row = next(r for r in rows if f"`{action.name}`" in r[0])
        assert action.changes == (f"`{action.name}` *" in row[0]), action.name
        assert set(re.findall(r"\w+", row[2])) - {"or"} == {f.name for f in dataclasses.fields(action.inputs)}, (
            action.name
        )
        if not row[3].startswith("as "):
            assert row[3].split(", ") == list(action.outputs), action.name


def test_the_example_is_a_good_runbook() -> None:
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert example is not None
    assert load_text(example[1], "README.md").name == "payment-outage"
