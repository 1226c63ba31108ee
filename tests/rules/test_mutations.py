"""Damaged copies of public rule files: our verdict on each is promtool's."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from opsctl.core.errors import DocumentError
from opsctl.rules import check_file
from tests.rules.damage import KINDS, damaged
from tests.rules.promtool import PROMTOOL, RULES, needs_promtool, needs_rules

_A_ROUND = 30


@needs_rules
@needs_promtool
@pytest.mark.campaign
def test_our_verdict_is_promtools(rounds: int, seed: int, tmp_path: Path) -> None:
    """Every kind of damage once, and a round's share of all pairs of file and kind; from 100 rounds on, all of them."""
    chance = random.Random(seed)
    files = [path for path in sorted(RULES.glob("*/*.yml")) if "expr:" in path.read_text()]
    pairs = [(path, kind) for path in files for kind in KINDS]
    chosen = {(chance.choice(files), kind) for kind in KINDS}
    chosen |= set(chance.sample(pairs, min(len(pairs), rounds * _A_ROUND)))
    written: dict[str, tuple[Path, str]] = {}
    for number, (path, kind) in enumerate(sorted(chosen)):
        name = f"{number}.yml"
        (tmp_path / name).write_text(damaged(path.read_text(), kind, chance))
        written[name] = path, kind
    theirs = _theirs(list(written), tmp_path)
    ours = {name: _ours(tmp_path / name) for name in written}
    differ = {
        f"{path.parent.name}, {kind}: ours {ours[name]}, promtool's {theirs[name]}"
        for name, (path, kind) in written.items()
        if ours[name] != theirs[name]
    }
    assert differ == set()
    assert set(theirs.values()) == {"good", "lint", "bad"}


def _ours(path: Path) -> str:
    try:
        return "lint" if check_file(path).duplicates else "good"
    except DocumentError:
        return "bad"


def _theirs(names: list[str], folder: Path) -> dict[str, str]:
    """What promtool says of each, in one call: its words on a file follow the line that names it."""
    command = [str(PROMTOOL), "check", "rules", *names]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False
    )
    verdicts = {}
    for part in done.stdout.split("Checking ")[1:]:
        name, _, words = part.partition("\n")
        lint = words.startswith("  FAILED:\nlint error")
        verdicts[name] = "lint" if lint else "bad" if words.startswith("  FAILED:") else "good"
    assert set(verdicts) == set(names)
    return verdicts
