"""What an error, a log or a span tells: for laws that no payload may be in it."""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import warnings
from collections.abc import Awaitable, Iterator
from typing import TypeVar

from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import Broken
from omnicloud_tck.spans import traced

__all__ = ["everything", "heard", "refusal", "tells"]

T = TypeVar("T")

_ENOUGH = 6  # characters of a payload; fewer may be there by chance


def everything(error: BaseException | None) -> str:
    """What an error and its causes say, in every way in which they can be written down."""
    told, seen = "", set[int]()
    while error is not None and id(error) not in seen:  # some are each other's cause
        seen.add(id(error))
        told += f"{error} {error!r} {error.args!r} {vars(error)} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or error.__context__
    return told


@contextlib.contextmanager
def heard() -> Iterator[io.StringIO]:
    """All that is logged, traced, printed or warned of inside the block."""
    told = io.StringIO()
    handler, root = _Whole(told), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with (
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
            traced(told.write),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            yield told
            for warning in warned:
                told.write(f"{warning.message!r}")
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


class _Whole(logging.StreamHandler[io.StringIO]):
    """Writes what else a record carries too: arguments, and fields that a caller added."""

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        self.stream.write(f"{vars(record)}")


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
