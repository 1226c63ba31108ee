"""OpenMetrics files: written whole or not at all, read line by line; `.gz` and `.zst` by their names."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import zstandard

from opsctl.core.errors import DocumentError, NotFound, OpsctlError, Problem

_TORN = (zstandard.ZstdError, gzip.BadGzipFile, zlib.error, EOFError)


@contextmanager
def publishing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which appears under its name, durable, when the block ends well. Raises OpsctlError."""
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OpsctlError(f"{path} cannot be written: {error.strerror}", "see -o") from error
    try:
        with os.fdopen(handle, "wb") as raw:
            with _writer(path, raw) as writer:
                yield writer
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OpsctlError(
            f"{path} cannot be written: {error.strerror}", "the file that was there is as it was"
        ) from error
    finally:
        Path(part).unlink(missing_ok=True)


@contextmanager
def _writer(path: Path, raw: BinaryIO) -> Iterator[Any]:
    if path.suffix == ".gz":
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, filename="", mtime=0) as packed:
            yield packed
    elif path.suffix == ".zst":
        with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as stream:
            yield stream
    else:
        yield raw


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lines_of(path: Path, most: int, on_bytes: Callable[[int], None]) -> Iterator[str]:
    """The lines of a file without their ends; `on_bytes` hears how far the file itself was read.

    Raises DocumentError, with the line, for one longer than `most` bytes, one that is not UTF-8, and a torn file.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    number = 0
    with raw, _reader(path, raw) as reader:
        try:
            while line := reader.readline(most + 1):
                number += 1
                if len(line) > most:
                    raise bad(path, number, f"the line is longer than {most} bytes")
                if number % 4096 == 1:
                    on_bytes(raw.tell())
                yield line.rstrip(b"\r\n").decode()
        except UnicodeDecodeError as error:
            raise bad(path, number, "the line is not UTF-8") from error
        except _TORN as error:
            raise bad(path, number + 1, f"the compressed file is damaged or cut off ({error})") from error


@contextmanager
def _reader(path: Path, raw: BinaryIO) -> Iterator[BinaryIO]:
    if path.suffix == ".gz":
        with gzip.GzipFile(fileobj=raw, mode="rb") as opened, io.BufferedReader(opened) as reader:
            yield reader
    elif path.suffix == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(raw, closefd=False, read_across_frames=True) as stream:
            yield io.BufferedReader(stream)
    else:
        yield raw


def bad(path: Path, line: int, message: str, hint: str = "") -> DocumentError:
    """What is wrong in which line."""
    return DocumentError([Problem(str(path), line, "", message, hint)])
