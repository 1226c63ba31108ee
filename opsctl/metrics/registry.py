"""The table of label sets and their numbers, in one file; a lost one is made again from the blocks' own copies."""

from __future__ import annotations

import zlib
from pathlib import Path
from sys import intern

import orjson
import zstandard

from opsctl.core.folder import write_whole
from opsctl.core.log import Log
from opsctl.metrics.block import Damaged
from opsctl.metrics.index import LabelIndex
from opsctl.metrics.shelf import Shelf
from opsctl.model.labels import Labels

LOG = Log("opsctl.metrics")
_NAME = "series"


def write_registry(folder: Path, index: LabelIndex) -> None:
    """Writes the table, whole or not at all."""
    data = zstandard.compress(orjson.dumps([[ref, labels.pairs] for ref, labels in index.all()]))
    write_whole(folder / _NAME, zlib.crc32(data).to_bytes(4, "little") + data)


def read_registry(folder: Path, shelf: Shelf, index: LabelIndex) -> None:
    """Fills the index. A damaged, missing or old table is set right from the blocks; one that does not tell goes aside."""
    file = folder / _NAME
    data = file.read_bytes() if file.exists() else b""
    if len(data) > 4 and zlib.crc32(data[4:]) == int.from_bytes(data[:4], "little"):
        rows = orjson.loads(zstandard.decompress(data[4:]))
        index.restore((ref, Labels([(intern(k), intern(v)) for k, v in pairs])) for ref, pairs in rows)
        if _tells(shelf, index):
            return
    if not shelf.blocks:
        return
    LOG.warning("metrics.registry_rebuilt", file=str(file), blocks=len(shelf.blocks))
    for block in shelf.blocks:
        try:
            index.restore(block.labels())
        except Damaged as error:
            shelf.drop(block, error.message)


def _tells(shelf: Shelf, index: LabelIndex) -> bool:
    """Whether the block written last has no series that the table lacks: the table is always written before a block."""
    try:
        last = max(shelf.blocks, key=lambda block: block.path.stat().st_mtime_ns, default=None)
        return last is None or all(index.knows(ref) for ref in last.series().tolist())
    except Damaged:
        return False
