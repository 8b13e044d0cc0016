"""Trouble that begins while a call waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import that
from omnicloud_tck.law import Ability
from omnicloud_tck.world import World

__all__ = ["after_trouble", "interrupted", "troubles"]

T = TypeVar("T")

_SOON = 0.2  # seconds after which the trouble begins
_PATIENCE = 40.0  # seconds in which a call that was interrupted ends
_BACK = 20.0  # seconds in which a client finds its backend again


def troubles(world: World[Any]) -> list[str]:
    """What can begin: over a network silence may take a client minutes to notice."""
    silent = world.virtual and Ability.PARTITION in world.abilities
    return ["an outage", "silence"] if silent else ["an outage"]


async def interrupted(world: World[Any], trouble: str, waiting: asyncio.Future[T], due: float) -> T:
    """What a waiting call is answered that meets trouble, in which something becomes due."""
    await world.sleep(_SOON)
    async with contextlib.AsyncExitStack() as stack:
        block = world.outage() if trouble == "an outage" else world.partition()
        await stack.enter_async_context(block)
        await world.sleep(due)
    await asyncio.wait({waiting}, timeout=_PATIENCE)
    if not waiting.done():
        waiting.cancel()
        that(False, f"a call that waits through {trouble} does not end")
    return waiting.result()


async def after_trouble(world: World[Any], ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the backend is found again."""
    until = world.clock.monotonic() + _BACK
    while True:
        try:
            return await ask()
        except (UnavailableError, DeadlineExceededError):
            if world.clock.monotonic() > until:
                raise
            await world.sleep(0.1)
