"""What a receiver is built with, besides its own document: where it stands in the file, and what is set for all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opsctl.alerts.documents.globals import GlobalOf
from opsctl.alerts.notification_templates import Templates
from opsctl.core.document import Path_, Source
from opsctl.core.errors import DocumentError
from opsctl.core.http_settings import HttpSettings

HIDDEN = "<secret>"
"""What a secret is shown as; taken for a URL, so that a configuration as the API shows it loads again."""


@dataclass(frozen=True)
class Setting:
    """One entry of a `*_configs` list. Called with a field, it gives a required secret: the field itself, or the
    content of the file in `<field>_file`. Raises DocumentError."""

    source: Source
    place: Path_
    made: Any
    common: GlobalOf
    templates: Templates
    folder: Path

    def __call__(self, field: str) -> str:
        value, file = getattr(self.made, field), getattr(self.made, f"{field}_file")
        if bool(value) == bool(file):
            problem = "both stand here" if value else "is required"
            raise self.refuse(field, f"{problem}: give {field} or {field}_file")
        if file:
            value = self.content(f"{field}_file", file)
        if field == "url":
            self.check_url(f"{field}_file" if file else field, value)
        return str(value)

    def given(self, field: str) -> str:
        """The same for a secret that may be left out: '' then."""
        return self(field) if getattr(self.made, field) or getattr(self.made, f"{field}_file") else ""

    def inside(self, field: str, number: int) -> Setting:
        """An entry of a list within this entry."""
        entry = getattr(self.made, field)[number]
        return replace(self, place=(*self.place, field, number), made=entry)

    def content(self, field: str, file: str) -> str:
        """What a file holds, which may not be nothing."""
        try:
            value = (self.folder / Path(file).expanduser()).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise self.refuse(field, f"cannot be read: {error}") from error
        if not value:
            raise self.refuse(field, f"{file} is empty")
        return value

    def refuse(self, field: str, message: str, hint: str = "") -> DocumentError:
        """The error for a field of this entry."""
        return self.source.refuse((*self.place, field) if field else self.place, message, hint)

    def check_url(self, field: str, url: str) -> None:
        """Refuses what is no http or https URL."""
        problem = url_problem(url)
        if problem:
            raise self.refuse(field, problem)

    def http(self, own: HttpSettings | None) -> HttpSettings:
        """The entry's own `http_config`, else the global one."""
        if own is not None:
            where, what = own.mistake()
            if what:
                raise self.source.refuse((*self.place, "http_config", *where), what)
        return own or self.common.http_config or HttpSettings()


def url_problem(url: str) -> str:
    """What is wrong with a URL that is to be called; '' when nothing is."""
    if url == HIDDEN:
        return ""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return f"not an http or https URL: unsupported scheme {parts.scheme!r} in {url!r}"
        parts.port  # noqa: B018 (raises where it is no number)
        if not parts.hostname or " " in parts.netloc:
            return f"not an http or https URL: {'invalid' if parts.hostname else 'missing'} host in {url!r}"
        return ""
    except ValueError as error:
        return f"not an http or https URL: {url!r} ({error})"
