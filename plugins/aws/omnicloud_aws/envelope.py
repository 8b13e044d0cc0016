"""How a message is written: text that SNS and SQS take, which says what the contract knows of it.

A mark, and in Base64 what belongs to the message and its payload as it is.
"""

from __future__ import annotations

import base64
import binascii
import struct

import msgspec

__all__ = ["Grave", "Meta", "opened", "packed"]

_MARK = "omnicloud-1 "
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
        wait: Seconds after it was sent for which it is not delivered.
    """

    id: str
    key: str | None
    headers: dict[str, str]
    published_at: float
    attempts: int = 0
    wait: float = 0.0
    grave: Grave | None = None


_encoded = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Meta)


def packed(meta: Meta, payload: bytes) -> str:
    """The body of the message."""
    told = _encoded(meta)
    whole = b"".join((_SIZE.pack(len(told)), told, payload))
    return _MARK + base64.b64encode(whole).decode()


def opened(body: str, id_: str, sent_at: float) -> tuple[Meta, bytes]:
    """What a body says; one that others have written is all payload, with that id."""
    if body.startswith(_MARK):
        try:
            whole = base64.b64decode(body[len(_MARK) :], validate=True)
            (size,) = _SIZE.unpack_from(whole)
            start = _SIZE.size + size
            return _decoder.decode(whole[_SIZE.size : start]), whole[start:]
        except (binascii.Error, struct.error, msgspec.MsgspecError):
            pass
    return Meta(id_, None, {}, sent_at), body.encode()
