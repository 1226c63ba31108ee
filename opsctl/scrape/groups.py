"""Target groups as files and lists hold them: JSON as strict as Go reads it, YAML with its spelling kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from opsctl.core.document import Source, convert, read
from opsctl.core.errors import DocumentError, Problem
from opsctl.core.soundness import sound
from opsctl.scrape.config import StaticConfig
from opsctl.scrape.config.fields import check_label_names, without_nulls

Groups = tuple[StaticConfig, ...]


class BadGroups(ValueError):
    """The text is no list of target groups."""


def groups_of_json(body: bytes) -> Groups:
    """A JSON list of groups, or null. Raises BadGroups."""
    try:
        found = TypeAdapter(Groups | None).validate_json(body, strict=True) or ()
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{step}]" for step in first["loc"])
        raise BadGroups(f"not a list of target groups: {place} {first['msg']}") from error
    if any(not name for group in found for name in group.labels):
        raise BadGroups('"" is not a valid label name')
    return found


def groups_of_file(path: Path) -> Groups:
    """A file with target groups, JSON or YAML by its name. Raises DocumentError."""
    if path.suffix.lower() == ".json":
        try:
            return groups_of_json(path.read_bytes())
        except (OSError, BadGroups) as error:
            raise DocumentError([Problem(str(path), 0, "", str(error))]) from error
    source = sound(read(path))
    if source.data is None:
        return ()
    if isinstance(source.data, list) and None in source.data:
        raise source.refuse((source.data.index(None),), "nil target group item found")
    found = convert(Source(source.file, without_nulls(source.data), source.node), Groups)
    for number, group in enumerate(found):
        check_label_names(source, (number, "labels"), group.labels)
    return found


def labelled(groups: Groups, more: Mapping[str, str]) -> Groups:
    """The groups with labels that say where they come from."""
    return tuple(StaticConfig(targets=g.targets, labels={**g.labels, **more}) for g in groups)
