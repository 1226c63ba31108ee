"""Runs one noun: its typer application, errors as one line with a hint, the exit code of the tree."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any, NoReturn

import typer

from opsctl.core.errors import DocumentError, OpsctlError


def run_noun(noun: str, module: str, args: list[str]) -> NoReturn:
    """Imports opsctl.cli.<module>, takes its `app` (or `<noun>_app`) and runs it with the exit codes of DESIGN §8."""
    try:
        command = typer.main.get_command(load_app(noun, module))
        result = command.main(args=args, prog_name=f"opsctl {noun}", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except typer.Abort:
        print("opsctl: stopped", file=sys.stderr)
        sys.exit(130)
    except typer.TyperException as error:
        print(f"opsctl: {error.format_message()}\n  hint: opsctl {noun} --help", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        code = report(error)
        if code is None:
            raise
        sys.exit(code)


def load_app(noun: str, module: str) -> typer.Typer:
    """Imports the noun's module: its `<noun>_app`, or its `app`."""
    gc.disable()  # modules stay: looking through them for garbage is a tenth of the start
    try:
        loaded = importlib.import_module(f"opsctl.cli.{module}")
    finally:
        gc.freeze()
        gc.enable()
    app: typer.Typer = getattr(loaded, f"{noun}_app", None) or loaded.app
    return app


def report(error: Exception) -> int | None:
    """Prints an expected error as one line and its hint; returns its exit code, None when it is a defect."""
    if isinstance(error, DocumentError):
        for problem in error.problems:
            print(f"opsctl: {problem}", file=sys.stderr)
        return error.exit_code
    message, hint, code = _parts(error)
    if code is None:
        return None
    print(f"opsctl: {message}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    return code


def _parts(error: Any) -> tuple[str, str, int | None]:
    """The tree of opsctl, and those of the packages that stand alone: one table of exit codes."""
    if isinstance(error, OpsctlError):
        return error.message, error.hint, error.exit_code
    kind = f"{type(error).__module__.split('.')[0]}.{type(error).__name__}"
    for base in type(error).__mro__:
        code = PACKAGE_EXITS.get(f"{base.__module__.split('.')[0]}.{base.__name__}")
        if code is not None:
            return str(error), getattr(error, "hint", ""), code
    return kind, "", None


PACKAGE_EXITS = {
    "backup.BackupError": 1,
    "backup.WrongUse": 2,
    "backup.NotReachable": 3,
    "collectors.CollectorError": 1,
    "collectors.NotReachable": 3,
}
