"""The nouns of the catalog: a snapshot, its files, and how they are written down."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from backup.errors import BackupError

FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """A whole backup. Times in epoch seconds, sizes in bytes.

    `time` is the instant that the content shows; `bytes` its size, `stored` what it added to the
    repository; `manifest` the chunks of its file list; `tables` the rows counted in each table.
    """

    id: str
    number: int
    kind: str
    source: str
    time: float
    finished: float
    parent: str
    bytes: int
    stored: int
    files: int
    database: str
    tables: dict[str, int]
    manifest: tuple[str, ...]


@dataclass(frozen=True)
class File:
    """One file of a snapshot. `path` is relative, with `/`."""

    path: str
    size: int
    mode: int
    mtime: float
    sha256: str
    chunks: tuple[str, ...]


def seal(value: Any) -> bytes:
    """A dataclass as JSON with a format number and a checksum that any changed bit breaks."""
    body = json.dumps(dataclasses.asdict(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f'{{"format":{FORMAT},"sha256":"{_digest(body)}","body":{body}}}\n'.encode()


def unseal(content: bytes, name: str) -> dict[str, Any]:
    """The body that `seal` wrote. Raises BackupError when it is damaged or of a newer format."""
    try:
        outer = json.loads(content)
        found, digest, body = outer["format"], outer["sha256"], outer["body"]
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{name} is damaged", "opsctl backup verify names all damage") from error
    if isinstance(found, int) and found > FORMAT:
        raise BackupError(f"{name} has format {found}, this program knows up to {FORMAT}", "use the newer opsctl")
    written = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    whole = f'{{"format":{FORMAT},"sha256":"{digest}","body":{written}}}\n'.encode()
    if _digest(written) != digest or whole != content or not isinstance(body, dict):
        raise BackupError(f"{name} is damaged", "opsctl backup verify names all damage")
    return body


def snapshot_of(body: dict[str, Any]) -> Snapshot:
    return Snapshot(**{**body, "manifest": tuple(body["manifest"])})


def pack_files(files: list[File]) -> bytes:
    return json.dumps([dataclasses.asdict(f) for f in files], ensure_ascii=False, separators=(",", ":")).encode()


def unpack_files(content: bytes) -> list[File]:
    return [File(**{**one, "chunks": tuple(one["chunks"])}) for one in json.loads(content)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
