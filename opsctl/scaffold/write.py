"""Writes the fresh folder, and refuses to overwrite."""

from __future__ import annotations

import socket
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from opsctl.core.errors import Conflict
from opsctl.core.folder import write_whole

_FILES = Path(__file__).parent / "files"
_SECRET = 0o600


def plan(target: Path) -> dict[Path, str]:
    """Each file to be written and its content. Raises Conflict when one is there already."""
    environment = Environment(
        loader=FileSystemLoader(_FILES), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False,
        variable_start_string="<<", variable_end_string=">>", comment_start_string="<#", comment_end_string="#>",
    )  # fmt: skip
    names = sorted(str(p.relative_to(_FILES)) for p in _FILES.rglob("*") if p.is_file() and p.suffix != ".pyc")
    taken = [n for n in names if (target / n).exists()]
    if taken:
        raise Conflict(f"{target / taken[0]} exists", "choose an empty folder: nothing is overwritten")
    values = {"host": socket.gethostname()}
    return {target / n: environment.get_template(n).render(values) for n in names}


def write(files: dict[Path, str]) -> None:
    """Writes the planned files; those under secrets/ are readable by their owner alone."""
    for path, text in files.items():
        write_whole(path, text.encode(), mode=_SECRET if path.parent.name == "secrets" else 0o644)
        if path.parent.name == "secrets":
            path.parent.chmod(0o700)
