"""The folder of runbooks, loaded whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from opsctl.core.document import Source, convert, nearest, parse, read
from opsctl.core.errors import DocumentError, NotFound, Problem
from opsctl.runbook.book import Runbook
from opsctl.runbook.check import check_runbook


class Library:
    """The runbooks in force. A reload that fails leaves them as they were. '' is a folder without any."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._books: Mapping[str, tuple[Runbook, str]] = {}

    def reload(self) -> list[str]:
        """Loads every *.yml of the folder; returns the files. Raises DocumentError, the old ones stay in force."""
        files = runbook_files(self._folder) if self._folder is not None else []
        self._books = load_files(files)
        return [str(f) for f in files]

    def all(self) -> list[Runbook]:
        return [book for book, _ in self._books.values()]

    def get(self, name: str) -> Runbook:
        """Raises NotFound with the nearest right name."""
        return self._found(name)[0]

    def text(self, name: str) -> str:
        """The document as written; a run keeps it, so that a later change does not change the run."""
        return self._found(name)[1]

    def for_alert(self, alertname: str) -> Runbook | None:
        return next((b for b in self.all() if alertname in b.alerts), None)

    def _found(self, name: str) -> tuple[Runbook, str]:
        if name not in self._books:
            raise NotFound(f"no runbook {name!r}", nearest(name, list(self._books)) or "opsctl runbook list")
        return self._books[name]


def runbook_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yml"))


def load_files(files: list[Path]) -> dict[str, tuple[Runbook, str]]:
    """Name → runbook and its text. Raises DocumentError with every mistake in every file."""
    books: dict[str, tuple[Runbook, str]] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            source = read(file)
            book = _checked(source)
            if book.name in books:
                raise source.refuse(("name",), f"another runbook is called {book.name!r}")
            if book.name != file.stem:
                raise source.refuse(("name",), f"stands in {file.name}, so it is {file.stem!r}")
            books[book.name] = (book, file.read_text())
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return books


@lru_cache(maxsize=64)
def load_text(text: str, name: str) -> Runbook:
    """A runbook from its text, as a run kept it."""
    return _checked(parse(text, name))


def _checked(source: Source) -> Runbook:
    data: Any = source.data
    if not isinstance(data, dict):
        raise source.refuse((), "a runbook is a mapping")
    book = convert(source, Runbook)
    check_runbook(source, book)
    return book
