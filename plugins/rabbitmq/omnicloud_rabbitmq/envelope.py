"""How a message is written: a mark, what the contract knows of it, and the payload as it is."""

from __future__ import annotations

import struct

import msgspec

__all__ = ["Grave", "Meta", "opened", "packed"]

_MARK = b"omni\1"
_SIZE = struct.Struct(">I")


class Grave(msgspec.Struct, frozen=True, array_like=True):
    """Why and when a message died, and in which group."""

    group: str
    reason: str
    attempts: int
    died_at: float


class Meta(msgspec.Struct, frozen=True, array_like=True):
    """What belongs to a message besides its payload.

    Attributes:
        attempts: Those that counted before it was written.
    """

    id: str
    key: str | None
    headers: dict[str, str]
    published_at: float
    attempts: int = 0
    grave: Grave | None = None


_encoded = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Meta)


def packed(meta: Meta, payload: bytes) -> bytes:
    """The body of the message."""
    told = _encoded(meta)
    return b"".join((_MARK, _SIZE.pack(len(told)), told, payload))


def opened(body: bytes, id_: str, now: float) -> tuple[Meta, bytes]:
    """What a body says; one that others have written is all payload, with that id."""
    start = len(_MARK) + _SIZE.size
    if body.startswith(_MARK) and len(body) >= start:
        (size,) = _SIZE.unpack_from(body, len(_MARK))
        try:
            return _decoder.decode(body[start : start + size]), body[start + size :]
        except msgspec.MsgspecError:
            pass
    return Meta(id_, None, {}, now), body
