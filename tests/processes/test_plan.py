from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from opsctl.core.errors import UsageError
from opsctl.core.settings import Settings
from opsctl.model.inventory import Inventory, Process
from opsctl.processes.conf import render
from opsctl.processes.plan import order, plan


def test_a_process_stands_after_those_it_needs() -> None:
    made = order(
        [
            Process(name="c", command=("x",), after=("b",)),
            Process(name="b", command=("x",), after=("a",)),
            Process(name="a", command=("x",)),
        ]
    )
    assert [p.name for p in made] == ["a", "b", "c"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(UsageError, match="circle"):
        order([Process(name="a", command=("x",), after=("b",)), Process(name="b", command=("x",), after=("a",))])


def test_our_own_processes_start_with_the_one_that_delivers() -> None:
    here = plan(Settings(), [], "python", None)
    assert [p.name for p in here] == ["alerting", "metrics", "ops"]


def test_two_processes_of_one_name_are_refused() -> None:
    one = Inventory(system="a", processes=(Process(name="x", command=("x",)),))
    with pytest.raises(UsageError, match="'x'"):
        plan(Settings(), [one, one], "python", None)


def test_supervisors_file_holds_what_was_planned_whatever_the_characters(tmp_path: Path) -> None:
    process = Process(name="a", command=("/bin/sh", "-c", "echo 100% 'x y'"), environment={"A": '1"2%'})
    made = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    made.read_string(render([process], tmp_path, tmp_path, {}))
    assert made["program:a"]["command"] == "/bin/sh -c 'echo 100%% '\"'\"'x y'\"'\"''"
    assert made["program:a"]["environment"] == 'A="1\\"2%%"'
