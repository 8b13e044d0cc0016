"""A large body of known length, received at the place where it stays.

What a loop hands out piece by piece has to be joined: each byte is moved once more, into memory
that the system first has to give. Here the loop writes into the one piece that becomes the body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from io import BytesIO

__all__ = ["LARGE_BYTES", "Landing"]

LARGE_BYTES = 256 << 10
"""Below it a body comes in one or two pieces, which are as well joined."""

_PIECE_BYTES = 16 << 20
_TURN_BYTES = 1 << 20


class Landing(asyncio.BufferedProtocol):
    """Has the place of a connection's protocol until a body of known length is there.

    Memory is asked for as the body comes, 16 MiB at a time: a service may say any length.
    """

    def __init__(
        self,
        usual: asyncio.Protocol,
        transport: asyncio.Transport,
        size_bytes: int,
        begun: bytes,
        landed: Callable[[list[bytes]], None],
    ) -> None:
        """Begin to take a body of ``size_bytes``.

        Args:
            usual: Is told all but the content, and has its place back before ``landed``.
            begun: What has come of it, which is not all.
            landed: Called with the body; what was sent beyond its length is at its end.
        """
        self._usual = usual
        self._transport = transport
        self._left = size_bytes
        self._landed = landed
        self._pieces: list[bytes] = []
        self._piece = _piece(size_bytes)
        transport.set_protocol(self)
        for start in range(0, len(begun), _TURN_BYTES):
            part = begun[start : start + _TURN_BYTES]
            self.get_buffer(-1)[: len(part)] = part
            self.buffer_updated(len(part))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._piece.room()

    def buffer_updated(self, nbytes: int) -> None:
        self._left -= nbytes
        is_full = self._piece.grown(nbytes)
        if self._left > 0 and not is_full:
            return
        self._pieces.append(self._piece.taken())
        if self._left > 0:
            self._piece = _piece(self._left)
            return
        self._transport.set_protocol(self._usual)
        self._landed(self._pieces)

    def pause_writing(self) -> None:
        self._usual.pause_writing()

    def resume_writing(self) -> None:
        self._usual.resume_writing()

    def eof_received(self) -> bool | None:
        return self._usual.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._usual.connection_lost(exc)


class _Piece:
    """Bytes that are written in place, and taken without being copied."""

    __slots__ = ("_at", "_given", "_held", "_whole")

    def __init__(self, size_bytes: int) -> None:
        self._held = BytesIO(bytes(size_bytes))
        self._whole = self._held.getbuffer()
        self._given = self._whole[:0]
        self._at = 0

    def room(self) -> memoryview:
        """Where what comes next is written."""
        self._given.release()
        self._given = self._whole[self._at : self._at + _TURN_BYTES]
        return self._given

    def grown(self, size_bytes: int) -> bool:
        """Note that so much was written; whether there is no room left."""
        self._at += size_bytes
        return self._at == len(self._whole)

    def taken(self) -> bytes:
        """What was written; nothing more can be."""
        try:
            self._given.release()
            self._whole.release()
            self._held.truncate(self._at)
        except BufferError:  # a loop that lets go of what it was given only after it told so
            return self._held.getvalue()[: self._at]
        return self._held.getvalue()


def _piece(left: int) -> _Piece:
    """Room for what is left, or for some of it.

    The last has a byte more than is awaited: what is sent beyond the length has to be seen
    with it, not as the begin of the next answer.
    """
    _keep_pieces()
    return _Piece(_PIECE_BYTES if left > _PIECE_BYTES else left + 1)


@cache
def _keep_pieces() -> None:
    """Let the C library keep what one piece leaves for the next one, once in a process.

    glibc gives free memory back to the system from twice the largest block on that it has
    mapped and freed (malloc_trim(3), mallopt(3): M_TRIM_THRESHOLD), which would be sooner than
    the next piece comes: each of its pages would be asked for, and zeroed, again. A block that
    is never written takes none.
    """
    bytes(_PIECE_BYTES)
