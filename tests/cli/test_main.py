from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from opsctl.cli.main import NOUNS
from opsctl.cli.run import load_app


def opsctl(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "opsctl", *args], capture_output=True, text=True, cwd=cwd, timeout=60)


def test_help_names_every_noun() -> None:
    found = opsctl("--help")
    assert found.returncode == 0
    assert all(f"  {noun} " in found.stdout for noun in NOUNS)


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys; from opsctl.cli.main import _help; _help(); print(sorted(m for m in sys.modules if '.' not in m))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("typer", "rich", "pydantic", "numpy", "fastapi", "requests"):
        assert f"'{heavy}'" not in found.stdout


def test_a_mistyped_noun_is_exit_2_with_the_nearest_right_one() -> None:
    found = opsctl("statsu")
    assert found.returncode == 2
    assert "did you mean 'status'?" in found.stderr


def test_a_mistyped_verb_is_exit_2_with_the_nearest_right_one(tmp_path: Path) -> None:
    found = opsctl("config", "chek")
    assert found.returncode == 2
    assert "'check'" in found.stderr


def test_an_error_is_one_line_and_a_hint(tmp_path: Path) -> None:
    found = opsctl("config", "check", "--config", str(tmp_path / "none.yml"))
    assert found.returncode == 2
    assert "cannot be read" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("noun", NOUNS)
def test_every_command_has_help_with_an_example(noun: str) -> None:
    app = load_app(noun, NOUNS[noun][0])
    command = typer.main.get_command(app)
    verbs = getattr(command, "commands", {"": command})
    for verb, each in verbs.items():
        assert "Example" in (each.help or ""), f"opsctl {noun} {verb} --help shows no example"


def test_completion_offers_nouns_verbs_options() -> None:
    assert "gameday" in opsctl("--complete").stdout.split()
    assert opsctl("--complete", "config").stdout.split() == ["check", "show", "schema"]
    assert "--json" in opsctl("--complete", "config", "show").stdout.split()
    assert opsctl("--show-completion", "bash").stdout.startswith("_opsctl()")


def test_every_noun_has_a_module() -> None:
    for module, _ in NOUNS.values():
        importlib.import_module(f"opsctl.cli.{module}")
