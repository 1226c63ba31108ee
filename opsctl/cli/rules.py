"""opsctl rules: check, test, eval."""

from __future__ import annotations

import re
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


@app.command()
def check(files: Files, as_json: AsJson = False) -> None:
    """Check rule files as promtool does; exit 1 if one is wrong.

    Example: opsctl rules check alert_rules/*.yml
    """
    results = [_check(path) for path in files]
    if as_json:
        print_json([_check_json(path, result) for path, result in zip(files, results, strict=True)])
    else:
        for path, result in zip(files, results, strict=True):
            _print_check(path, result)
    if any(isinstance(result, DocumentError) for result in results):
        raise typer.Exit(1)


def _check(path: Path) -> Checked | DocumentError:
    try:
        return check_file(path)
    except DocumentError as error:
        return error


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
        typer.echo(f"  SUCCESS: {result.rules} rules found")
        typer.echo(f"lint warning {len(result.duplicates)} duplicate rule(s) found.", err=True)
        for each in result.duplicates:
            labels = "".join(f"\n\t{k}: {v}" for k, v in each.labels.items())
            typer.echo(
                f"Metric: {each.name}\nLabel(s):{labels}\nMight cause inconsistency while recording expressions",
                err=True,
            )
    else:
        typer.echo(f"  SUCCESS: {result.rules} rules found")
    typer.echo("")


@app.command("test")
def run_tests(
    files: Annotated[list[Path], typer.Argument(help="Files of unit tests.", metavar="FILE…")],
    run: Annotated[str, typer.Option("--run", help="Only tests whose name this finds.", metavar="REGEX")] = "",
    as_json: AsJson = False,
) -> None:
    """Run unit tests of rules, in promtool's format; exit 1 if one fails.

    Example: opsctl rules test alert_rules/*_test.yml
    """
    outcomes = [run_test_file(path, _pattern(run)) for path in files]
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


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
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
