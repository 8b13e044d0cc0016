"""How an object is sealed, so that ranges of it can be served.

The content is cut into frames of 64 KiB; each is sealed by itself and bound to the key, its
index, and whether it is the last one. So a frame that was moved, and an object that was cut
or lengthened at a frame's border, do not open. An empty object is one empty frame. Each
metadata value is sealed too, as base64; the content type is not.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from omnicloud.contracts.objects.models import Chunk, Metadata, ObjectInfo
from omnicloud.core.names import escape
from omnicloud.core.operation import Seal
from omnicloud.errors import CorruptedError

__all__ = [
    "FRAME_BYTES",
    "close_frames",
    "close_metadata",
    "closed_range",
    "open_chunk",
    "open_info",
    "open_size",
]

FRAME_BYTES = 64 << 10


def close_frames(data: bytes, key: str, seal: Seal, *, offset: int = 0, last: bool = True) -> bytes:
    """The sealed form of a piece that starts at ``offset``, a multiple of a frame."""
    first = offset // FRAME_BYTES
    count = max(1, -(-len(data) // FRAME_BYTES))
    return b"".join(
        seal.close(
            data[n * FRAME_BYTES : (n + 1) * FRAME_BYTES],
            _place(key, first + n, last=last and n == count - 1),
        )
        for n in range(count)
    )


def closed_range(start: int, end: int | None, seal: Seal) -> tuple[int, int | None]:
    """The range of whole sealed frames that holds a range of the content."""
    size = FRAME_BYTES + seal.overhead
    if end is not None and end <= start:
        return start // FRAME_BYTES * size, start // FRAME_BYTES * size
    return (
        start // FRAME_BYTES * size,
        None if end is None else -(-end // FRAME_BYTES) * size,
    )


def open_size(sealed_bytes: int, seal: Seal) -> int:
    """The size of the content of a sealed object."""
    return sealed_bytes - _count(sealed_bytes, seal) * seal.overhead


def open_chunk(chunk: Chunk, key: str, start: int, end: int | None, seal: Seal) -> Chunk:
    """The asked range of the content, from the whole frames that hold it.

    Raises:
        CorruptedError: A frame does not open, or there are not as many as there should be.
    """
    info = open_info(chunk.info, key, seal)
    stop = info.size_bytes if end is None else min(end, info.size_bytes)
    if not chunk.data and start >= stop and (start > 0 or end is not None):
        return Chunk(b"", info)
    first = start // FRAME_BYTES
    last = _count(chunk.info.size_bytes, seal) - 1
    size = FRAME_BYTES + seal.overhead
    frames = [chunk.data[at : at + size] for at in range(0, len(chunk.data), size)] or [b""]
    opened = b"".join(
        seal.open(frame, _place(key, first + n, last=first + n == last))
        for n, frame in enumerate(frames)
    )
    base = first * FRAME_BYTES
    piece = opened[start - base : max(start, stop) - base]
    if len(piece) != max(0, stop - start):
        raise CorruptedError("the stored object is shorter than it says")
    return Chunk(piece, info)


def open_info(info: ObjectInfo, key: str, seal: Seal) -> ObjectInfo:
    """What is known of the content. The stored checksum is of the sealed bytes: left out."""
    return replace(
        info,
        size_bytes=open_size(info.size_bytes, seal),
        metadata={name: _open_text(text, key, name, seal) for name, text in info.metadata.items()},
        checksum=None,
    )


def close_metadata(metadata: Metadata, key: str, seal: Seal) -> Metadata:
    """The sealed form of each value."""
    return tuple(
        (name, base64.b64encode(seal.close(value.encode(), _meta(key, name))).decode())
        for name, value in metadata
    )


def _open_text(text: str, key: str, name: str, seal: Seal) -> str:
    try:
        return seal.open(base64.b64decode(text, validate=True), _meta(key, name)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise CorruptedError("the stored metadata was not sealed") from None


def _count(sealed_bytes: int, seal: Seal) -> int:
    return max(1, -(-sealed_bytes // (FRAME_BYTES + seal.overhead)))


# After the last "#" stands a number, a number and "!", or "@" and an escaped name: no two
# places are written alike, whatever the key is.


def _place(key: str, index: int, *, last: bool) -> str:
    return f"{key}#{index}{'!' if last else ''}"


def _meta(key: str, name: str) -> str:
    return f"{key}#@{escape(name)}"
