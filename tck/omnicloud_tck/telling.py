"""What an error tells: for laws that no payload may be in it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from omnicloud.errors import OmniCloudError
from omnicloud_tck.check import Broken

__all__ = ["everything", "refusal"]

T = TypeVar("T")


def everything(error: BaseException | None) -> str:
    """What an error and its causes say, in every way in which they can be written down."""
    told = ""
    while error is not None:
        told += f"{error} {error!r} {error.args!r} {vars(error)} {getattr(error, '__notes__', '')}"
        error = error.__cause__ or error.__context__
    return told


async def refusal(call: Awaitable[T], about: str) -> OmniCloudError:
    """The error with which a call is refused; the law is broken where it is not."""
    try:
        await call
    except OmniCloudError as error:
        return error
    except Exception as other:
        raise Broken(f"{about}: expected an error of ours, got {type(other).__name__}") from other
    raise Broken(f"{about}: expected an error, but it succeeded")
