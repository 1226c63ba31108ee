"""Shell completion: the nouns from the table, each noun's verbs from its typer application."""

from __future__ import annotations

import os

import click
import typer
from click.shell_completion import get_completion_class

from opsctl.cli.main import NOUNS
from opsctl.cli.run import load_app
from opsctl.core.errors import UsageError

_VARIABLE = "_OPSCTL_COMPLETE"


class _Root(click.Group):
    """All nouns; one is imported when completion steps into it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in NOUNS:
            return None
        return typer.main.get_command(load_app(cmd_name, NOUNS[cmd_name][0]))


def complete(args: list[str]) -> int:
    """`--show-completion SHELL` prints the script; with _OPSCTL_COMPLETE set, answers the shell."""
    instruction = os.environ.get(_VARIABLE)
    shell = instruction.partition("_")[0] if instruction else (args[1] if len(args) > 1 else _own_shell())
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"no completion for {shell!r}", "one of: bash, zsh, fish")
    made = kind(_Root("opsctl"), {}, "opsctl", _VARIABLE)
    print(made.complete() if instruction else made.source())
    return 0


def _own_shell() -> str:
    return os.path.basename(os.environ.get("SHELL", "bash"))
