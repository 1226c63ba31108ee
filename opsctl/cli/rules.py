"""opsctl rules: check, test, eval."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.output import AsJson, print_json
from opsctl.cli.rules_eval import evaluate
from opsctl.core.errors import DocumentError, UsageError
from opsctl.rules.check import Checked, check_file
from opsctl.rules.testrun import Outcome, run_test_file

app = typer.Typer(no_args_is_help=True, help="Check, test and evaluate Prometheus rule files.")
app.command("eval")(evaluate)

Files = Annotated[list[Path], typer.Argument(help="Rule files.", metavar="FILE…")]


Lint = Annotated[str, typer.Option("--lint", help="What to look for: all, duplicate-rules or none.", metavar="WHAT")]
_LINTS = ("all", "duplicate-rules", "none")


@app.command()
def check(
    files: Files,
    lint: Lint = "duplicate-rules",
    lint_fatal: Annotated[bool, typer.Option("--lint-fatal", help="Exit 3 when lint finds something.")] = False,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown-fields", help="Pass over fields that rule files do not have.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check rule files as promtool does.

    Exits 0 when all are good, 1 when one is wrong, 3 when lint finds something and --lint-fatal is given.

    Example: opsctl rules check alert_rules/*.yml
    """
    linting = _linting(lint)
    results = [(path, _check(path, linting, ignore_unknown)) for path in files]
    if as_json:
        print_json([_check_json(path, result) for path, result in results])
    else:
        for path, result in results:
            _print_check(path, result)
    if any(isinstance(result, DocumentError) for _, result in results):
        raise typer.Exit(1)
    if lint_fatal and any(isinstance(result, Checked) and result.duplicates for _, result in results):
        raise typer.Exit(3)


def _linting(lint: str) -> bool:
    """Whether duplicates are looked for; an unknown word is a warning, as in promtool."""
    wanted = [word.strip() for word in lint.split(",")]
    for word in wanted:
        if word not in _LINTS:
            typer.echo(f"WARNING: unknown lint option {word}", err=True)
    return "none" not in wanted and ("all" in wanted or "duplicate-rules" in wanted)


def _check(path: Path, linting: bool, ignore_unknown: bool) -> Checked | DocumentError:
    try:
        checked = check_file(path, ignore_unknown)
    except DocumentError as error:
        return error
    return checked if linting else replace(checked, duplicates=())


def _check_json(path: Path, result: Checked | DocumentError) -> dict[str, object]:
    if isinstance(result, DocumentError):
        problems = [{"line": p.line, "message": str(p)} for p in result.problems]
        return {"file": str(path), "ok": False, "rules": 0, "problems": problems}
    return {"file": str(path), "ok": True, "rules": result.rules, "duplicates": len(result.duplicates)}


def _print_check(path: Path, result: Checked | DocumentError) -> None:
    typer.echo(f"Checking {path}")
    if isinstance(result, DocumentError):
        typer.echo("  FAILED:", err=True)
        for problem in result.problems:
            typer.echo(str(problem), err=True)
    elif result.duplicates:
        typer.echo("  FAILED:", err=True)
        typer.echo(f"lint error {len(result.duplicates)} duplicate rule(s) found.", err=True)
        for each in result.duplicates:
            labels = "".join(f"\n\t{name}: {value}" for name, value in each.labels.items())
            typer.echo(f"Metric: {each.name}\nLabel(s):{labels}", err=True)
        typer.echo("Might cause inconsistency while recording expressions", err=True)
    else:
        typer.echo(f"  SUCCESS: {result.rules} rules found")
    typer.echo("")


@app.command("test")
def run_tests(
    files: Annotated[list[Path], typer.Argument(help="Files of unit tests.", metavar="FILE…")],
    run: Annotated[
        list[str] | None, typer.Option("--run", help="Only tests whose name one of these finds.", metavar="REGEX")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show failures as the difference of expected and got.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run unit tests of rules, in promtool's format; exit 1 if one fails.

    Example: opsctl rules test alert_rules/*_test.yml --run burn --diff
    """
    only = _patterns(run or [])
    outcomes = [run_test_file(path, only, diff) for path in files]
    if as_json:
        print_json(
            [
                {
                    "file": o.file,
                    "ok": o.passed,
                    "tests": o.tests,
                    "failures": list(o.failures),
                    "warnings": list(o.warnings),
                }
                for o in outcomes
            ]
        )
    else:
        for outcome in outcomes:
            _print_outcome(outcome)
    if not all(outcome.passed for outcome in outcomes):
        raise typer.Exit(1)


def _patterns(texts: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    try:
        return tuple(re.compile(text) for text in texts)
    except re.error as error:
        raise UsageError(f"--run is no regular expression: {error}") from error


def _print_outcome(outcome: Outcome) -> None:
    typer.echo(f"Unit Testing:  {outcome.file}")
    for warning in outcome.warnings:
        typer.echo(warning, err=True)
    if outcome.passed:
        typer.echo("  SUCCESS")
    else:
        typer.echo("  FAILED:", err=True)
        for failure in outcome.failures:
            typer.echo(failure, err=True)
    typer.echo("")
