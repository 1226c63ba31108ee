"""The object folder: photos of work done, within a quota. Files appear whole: written in tmp/, then renamed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from platform_app.kit.config import Storage
from platform_app.kit.problem import Problem
from platform_app.kit.times import local

MAX_PHOTO = 5_000_000
_MAGIC = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}


class StorageFull(Problem):
    """The quota does not leave room for this file."""

    def __init__(self) -> None:
        super().__init__(507, "storage_full", "存储空间已满,照片暂时无法上传")


def used_bytes(folder: Path) -> int:
    """What lies in the folder, in bytes; a file that vanishes meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


def photo_kind(content: bytes) -> str:
    """The suffix of a JPEG, PNG or WebP by its first bytes. Raises Problem 413 or 415."""
    if len(content) > MAX_PHOTO:
        raise Problem(413, "photo_too_large", "照片不能超过 5 MB")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return ".webp"
    for magic, suffix in _MAGIC.items():
        if content.startswith(magic):
            return suffix
    raise Problem(415, "not_a_photo", "仅支持 JPEG、PNG、WebP 照片")


def keep_photo(settings: Storage, order_no: str, content: bytes, now: int) -> str:
    """Stores a photo; its path inside the folder. Blocking. Raises StorageFull, or Problem 413, 415."""
    folder = Path(settings.folder)
    suffix = photo_kind(content)
    if used_bytes(folder) + len(content) > settings.quota_bytes:
        raise StorageFull
    name = f"photos/{local(now, '%Y/%m')}/{order_no}-{secrets.token_hex(4)}{suffix}"
    part = folder / "tmp" / f"upload-{secrets.token_hex(8)}"
    try:
        for parent in (part.parent, (folder / name).parent):
            parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.rename(folder / name)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageFull from error
    return name


def drop(settings: Storage, name: str) -> None:
    """Removes an object that no order points to. Blocking."""
    (Path(settings.folder) / name).unlink(missing_ok=True)
