"""Uploads in parts over a service that has none as the contract wants them.

An object of the provider's own marks each upload; who wrote the mark last has the turn to complete
it. Here is what does not depend on the service.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Protocol, TypeVar

from omnicloud.core.clock import Clock
from omnicloud.errors import NotFoundError, OmniCloudError, Outcome, UnavailableError

__all__ = [
    "ANY_CHECKSUM",
    "RACES",
    "is_upload_of",
    "left_alone",
    "new_upload_id",
    "no_upload",
    "overtaken",
    "removed_at_best",
]

ANY_CHECKSUM = f"sha256:{'0' * 64}"
"""As long as any, for asking whether what stands beside an object will fit."""

RACES = 20
"""Times that others may come between the steps of a completion."""

_PATIENCE_SECONDS = 2.0  # for who is completing the upload, unless that one is dead
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.2


class Turn(Protocol):
    """A version of an upload's mark."""

    @property
    def is_tried(self) -> bool:
        """Whether somebody began to complete the upload and was not seen to end."""


M = TypeVar("M", bound=Turn)


def new_upload_id(key: str) -> str:
    """An id that no other upload has, and that tells of which key it is."""
    return f"{secrets.token_hex(16)}-{_digest(key)}"


def is_upload_of(upload_id: str, key: str) -> bool:
    """Whether the id is one of that key's."""
    return upload_id.endswith(f"-{_digest(key)}")


def no_upload() -> NotFoundError:
    """The upload ended, or never began; nothing was done."""
    return NotFoundError("there is no such upload of that key")


def overtaken() -> UnavailableError:
    """Others were always first; nothing was done."""
    return UnavailableError(
        "others came between each attempt to complete the upload", outcome=Outcome.NOT_DONE
    )


async def left_alone(look: Callable[[], Awaitable[M]], clock: Clock) -> M:
    """The mark, once nobody is completing the upload; who does not end is not waited for."""
    mark, pause = await look(), _FIRST_PAUSE
    until = clock.monotonic() + _PATIENCE_SECONDS
    while mark.is_tried and clock.monotonic() < until:
        await clock.sleep(pause)
        mark, pause = await look(), min(2 * pause, _LONGEST_PAUSE)
    return mark


async def removed_at_best(removal: Awaitable[None]) -> None:
    """The object is there: what cannot be removed now costs storage, and no more."""
    try:
        await removal
    except OmniCloudError:
        return


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:32]
