"""A law about calls that are cancelled again and again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import replace
from typing import Any

from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InternalError, OmniCloudError, ResourceExhaustedError
from omnicloud_tck.check import that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.requests import requests_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["Often"]

_TIMES, _REAL_TIMES = 66, 12  # a pool has seldom more connections
_TURNS = (1, 1, 2, 1, 3, 1)  # of the loop that a call has before it is cancelled
_REAL_SECONDS = 0.5  # after which no call is cancelled any more over a real backend
_ANSWERED = 30.0  # seconds in which a call of a client as good as new ends
_WAIT = 0.3  # seconds that a request waits for what does not happen
_PAYLOAD = b"cancelled-5c1e"


class Often(Contract):
    """What is held for a call is given back, however the call ends."""

    @law(
        "G-085",
        "However often calls of a verb are cancelled, the client answers those that come after.",
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_calls_hold_nothing(self, world: World[Any]) -> None:
        asked = await requests_of(self.contract, await world.pipeline(), _PAYLOAD)
        requests = [*asked, *(_waiting(op) for op in asked if hasattr(op, "wait"))]
        pipe, until = await world.pipeline(), time.perf_counter() + _REAL_SECONDS
        for op in random.Random(self.seed).sample(requests, len(requests)):  # noqa: S311 - cases
            for turn in range(_TIMES if world.virtual else _REAL_TIMES):
                if not world.virtual and time.perf_counter() > until:
                    break
                await _cancelled(pipe, op, _TURNS[turn % len(_TURNS)])
            await world.sleep(0.01)  # a virtual clock that never waits is taken to spin
        for op in requests:
            await _ends(pipe, op)


def _waiting(op: Operation[Any, Any]) -> Operation[Any, Any]:
    """The same request, which is held while it waits for something to happen."""
    return replace(op, wait=_WAIT)  # type: ignore[type-var]  # requests are dataclasses


async def _cancelled(pipe: Pipeline[Any], op: Operation[Any, Any], turns: int) -> None:
    task = asyncio.ensure_future(pipe.send(op))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    # Not awaited itself: a driver that waits for what was never given back waits for ever.
    await asyncio.wait((task,), timeout=_ANSWERED)
    that(task.done(), f"{op.name} was cancelled and had not ended after {_ANSWERED:g} s")
    if not task.cancelled():
        task.exception()  # seen: what it says is a matter of other laws


async def _ends(pipe: Pipeline[Any], op: Operation[Any, Any]) -> None:
    about = f"{op.name}, after cancelled calls of every verb"
    task = asyncio.ensure_future(pipe.send(op))
    await asyncio.wait((task,), timeout=_ANSWERED)
    if not task.done():
        task.cancel()
    that(not task.cancelling(), f"{about}, had not ended after {_ANSWERED:g} s")
    with contextlib.suppress(OmniCloudError):  # an upload that is over, say
        await task
    error = task.exception()
    held = isinstance(error, ResourceExhaustedError | InternalError)
    transient = isinstance(error, OmniCloudError) and error.transient
    that(not transient and not held, f"{about}, ended with {type(error).__name__}")
