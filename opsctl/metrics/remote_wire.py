"""The protobuf wire format, as far as remote write needs it: fields of a message, whatever the bytes."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.core.errors import UsageError

_MOST_BITS = 64
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class BadWrite(UsageError):
    """The body is no remote write request, or larger than it may be."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number of at most 64 bits at `at`, and where it ends. Raises BadWrite."""
    value = shift = 0
    while at < len(data) and shift < _MOST_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise BadWrite("unexpected EOF")


def fields(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Each field as (number, wire type, varint, bytes). Raises BadWrite at the first that is torn or no field."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        value = 0
        if kind == VARINT:
            value, end = varint(data, at)
            start = end
        elif kind == BYTES:
            length, start = varint(data, at)
            end = start + length
        elif kind in (FIXED64, FIXED32):
            start, end = at, at + (8 if kind == FIXED64 else 4)
        else:
            raise BadWrite(f"proto: illegal wireType {kind}")
        if not number or end > len(data):
            raise BadWrite("proto: illegal tag 0" if not number else "unexpected EOF")
        yield number, kind, value, data[start:end]
        at = end


def number(value: int) -> bytes:
    """A number as a varint; negative ones as protobuf writes an int64."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sized(tag: int, data: bytes) -> bytes:
    """A field of bytes: its one-byte tag, length, content."""
    return bytes((tag,)) + number(len(data)) + data
