"""Loops that, when cancelled, finish what they have begun within a grace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import anyio

__all__ = ["run_draining"]


async def run_draining(
    work: Coroutine[object, object, None], stop: Callable[[], None], grace: float
) -> None:
    """Run ``work`` to its end; when cancelled, ask it to stop and give it ``grace`` seconds.

    After the grace, or when cancelled again, it is cancelled and waited for. The cancellation
    is passed on in every case.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        stop()
        # A scope of anyio cancels again and again until it is left; the shield keeps that out.
        with anyio.CancelScope(shield=True):
            try:
                await asyncio.wait({task}, timeout=grace)
            finally:
                task.cancel()
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # looked at; the cancellation is what the caller is told
        raise
