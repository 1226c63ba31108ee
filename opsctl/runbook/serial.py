"""A runbook back as text: JSON, which is YAML."""

from __future__ import annotations

from pydantic import TypeAdapter

from opsctl.runbook.book import Runbook


def book_text(book: Runbook) -> str:
    return TypeAdapter(Runbook).dump_json(book, by_alias=True, exclude_none=True).decode()
