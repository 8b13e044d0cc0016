"""Content too large for one message, as pieces of chunks that nothing changes once they are there.

A piece has an id and a size; its chunks are messages beside each other. A piece that no record
names is nothing: it is written before the record that names it, and removed after.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omnicloud.core.together import together
from omnicloud_nats.stream import Stream

__all__ = ["Piece", "Pieces"]

_CHUNK_BYTES = 256 << 10
_AT_ONCE = 4


class Piece(NamedTuple):
    """A run of content."""

    id: str
    size: int


class Pieces:
    """The pieces of a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._root = f"{stream.name}.c"

    async def write(self, data: bytes) -> Piece:
        """Keep a run of content."""
        piece = Piece(uuid.uuid4().hex, len(data))
        try:
            for number, at in enumerate(range(0, len(data), _CHUNK_BYTES)):
                await self._stream.publish(
                    self._chunk(piece.id, number), data[at : at + _CHUNK_BYTES]
                )
        except BaseException:
            self.drop_soon([piece])
            raise
        return piece

    async def copy(self, pieces: Sequence[Piece]) -> list[Piece] | None:
        """The same content once more; ``None`` where some of it is gone."""
        made: list[Piece] = []
        try:
            for piece in pieces:
                copied = Piece(uuid.uuid4().hex, piece.size)
                made.append(copied)
                for number in range(_chunks(piece.size)):
                    found = await self._stream.last(self._chunk(piece.id, number))
                    if found is None:
                        self.drop_soon(made)
                        return None
                    await self._stream.publish(self._chunk(copied.id, number), found.data)
        except BaseException:
            self.drop_soon(made)
            raise
        return made

    async def read(self, pieces: Iterable[Piece], start: int, end: int) -> bytes | None:
        """A range of the content; ``None`` where some of it is gone."""
        wanted: list[tuple[str, int, int]] = []
        base = 0
        for piece in pieces:
            for number in range(_chunks(piece.size)):
                low = base + number * _CHUNK_BYTES
                high = min(low + _CHUNK_BYTES, base + piece.size)
                if low < end and start < high:
                    cut = max(0, start - low), min(high, end) - low
                    wanted.append((self._chunk(piece.id, number), *cut))
            base += piece.size

        async def one(cut: tuple[str, int, int]) -> bytes | None:
            subject, low, high = cut
            found = await self._stream.last(subject)
            return None if found is None else found.data[low:high]

        parts = await together(one, wanted, at_once=_AT_ONCE)
        whole = [part for part in parts if part is not None]
        return b"".join(whole) if len(whole) == len(parts) else None

    def drop_soon(self, pieces: Iterable[Piece]) -> None:
        """Remove pieces that no record names, without waiting for it."""
        for piece in pieces:
            self._stream.purge_soon(f"{self._root}.{piece.id}.*")

    def _chunk(self, piece: str, number: int) -> str:
        return f"{self._root}.{piece}.{number}"


def _chunks(size: int) -> int:
    return -(-size // _CHUNK_BYTES)
