"""What an error tells: for laws that no payload may be in it."""

from __future__ import annotations

import base64
from collections.abc import Awaitable
from typing import TypeVar

from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import Broken

__all__ = ["everything", "refusal", "tells"]

T = TypeVar("T")

_ENOUGH = 6  # characters of a payload; fewer may be there by chance


def everything(error: BaseException | None) -> str:
    """What an error and its causes say, in every way in which they can be written down."""
    told = ""
    while error is not None:
        told += f"{error} {error!r} {error.args!r} {vars(error)} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or error.__context__
    return told


def tells(text: str, payload: bytes | str, enough: int = _ENOUGH) -> bool:
    """Whether a text holds a piece of a payload: plain, in hex or in base64, cut off or not.

    ``enough`` is how many characters are a piece, where they are plain.
    """
    data = payload.encode() if isinstance(payload, str) else payload
    folded = text.lower()
    return any(piece.decode(errors="replace") in text for piece in _pieces(data, enough)) or any(
        piece.hex() in folded or base64.b64encode(piece).decode() in text
        for piece in _pieces(data, _ENOUGH)
    )


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(max(1, len(data) - size + 1))]


async def refusal(call: Awaitable[T], about: str) -> OmniCloudError:
    """The error with which a call is refused; the law is broken where it is not."""
    try:
        await call
    except OmniCloudError as error:
        return error
    except Exception as other:
        raise Broken(f"{about}: expected an error of ours, got {type(other).__name__}") from other
    raise Broken(f"{about}: expected an error, but it succeeded")
