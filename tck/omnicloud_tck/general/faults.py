"""Laws of kept payloads about a network that is slow, swallows all, or breaks off mid-answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from omnicloud.errors import DeadlineExceededError, OmniCloudError, Outcome, UnavailableError
from omnicloud.layers.timeout import TimeoutLayer
from omnicloud_tck.check import equal, that
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.tenants import Tenants
from omnicloud_tck.law import Ability, law
from omnicloud_tck.world import World

__all__ = ["Faults"]

_ATTEMPT = 1.0  # seconds that a call has
_LATE = 1.0  # seconds by which its end may be late
_RECOVERY = 10.0  # seconds in which a client is as before
_CUTS = (0, 1, 4, 5, 7, 16, 64, 300, 1500)


class Faults(Tenants):
    """The right error within its time, no half answers, no false word about what was done."""

    @law(
        "G-070",
        "A slow backend is answered late and rightly, each caller with what it asked for.",
        abilities=[Ability.SLOW],
    )
    async def slow_is_not_wrong(self, world: World[Any]) -> None:
        pipe, other = await world.pipeline(), await world.pipeline()
        names = [f"slow-{number}" for number in range(8)]
        for name in names:
            await self.put(pipe, name, name.encode())
        async with world.slow(60):
            taken = await asyncio.gather(*(self.take(pipe, name) for name in names))
            equal([name.encode() for name in names], taken, "eight slow callers at once")
            await asyncio.gather(
                self.put(pipe, "slow-0", b"written slowly"), self.remove(other, "slow-1")
            )
            equal(None, await self.take(pipe, "never"), "what never was there, slowly")
        equal(b"written slowly", await self.take(other, "slow-0"), "a slow write")
        equal(None, await self.take(other, "slow-1"), "a slow removal")

    @law(
        "G-071",
        "A backend that answers nothing ends a call within its time, and is found again after.",
        abilities=[Ability.PARTITION],
    )
    async def silence_ends(self, world: World[Any]) -> None:
        pipe = await world.pipeline(TimeoutLayer(_ATTEMPT))
        await self.put(pipe, "kept", b"before")
        async with world.partition():
            await self._given_up(world, self.take(pipe, "kept"))
            await self._given_up(world, self.take(pipe, "never"))
            await self._given_up(world, self.put(pipe, "kept", b"during"))
            await self._given_up(world, self.remove(pipe, "never"))
        await self._recovered(world, pipe)
        that(await self.take(pipe, "kept") in (b"before", b"during"), "another payload is kept")
        equal(None, await self.take(pipe, "never"), "what never was there")

    @law(
        "G-072",
        "An answer that breaks off is an error, and what was done is not told as not done.",
        abilities=[Ability.CUT],
    )
    async def no_half_answers(self, world: World[Any]) -> None:
        pipe, witness = await world.pipeline(TimeoutLayer(_ATTEMPT)), await world.pipeline()
        payload = bytes(range(256)) * 2
        await self.put(witness, "whole", payload)
        for number, after in enumerate(_CUTS):
            name = f"cut-{number}"
            async with world.cut_mid_answer(after):
                taken = await _answer(self.take(pipe, "whole"))
                that(taken in (payload, _ERROR), f"part of an answer, cut after {after} bytes")
                denied = await _denied(self.put(pipe, name, payload))
            await self._recovered(world, witness)
            if denied:
                equal(None, await self.take(witness, name), "a write that was told as not done")
        await self._recovered(world, pipe)
        equal(payload, await self.take(pipe, "whole"), "after the cuts")

    async def _given_up(self, world: World[Any], call: Coroutine[Any, Any, object]) -> None:
        started = world.clock.monotonic()
        # A task of its own: a driver may be wrong by not letting itself be cancelled.
        task = asyncio.ensure_future(call)
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        ended, _ = await asyncio.wait((task,), timeout=10 * _ATTEMPT)
        took = world.clock.monotonic() - started
        that(bool(ended), f"a call of {_ATTEMPT:g} s had not ended after {10 * _ATTEMPT:g} s")
        that(took < _ATTEMPT + _LATE, f"a call of {_ATTEMPT:g} s in silence took {took:.1f} s")
        error = task.exception()
        if error is None:
            that(False, f"silence was answered with {type(task.result()).__name__}")
        told = isinstance(error, UnavailableError | DeadlineExceededError)
        that(told, f"silence is told as {type(error).__name__}")

    async def _recovered(self, world: World[Any], pipe: Pipe) -> None:
        """Wait until the client works again, as a caller with retries would."""
        until = world.clock.monotonic() + _RECOVERY
        while True:
            try:
                return await self.put(pipe, "recovered", b"yes")
            except OmniCloudError as error:
                told = error.transient or isinstance(error, DeadlineExceededError)
                that(told, f"after the trouble a call is told as {type(error).__name__}")
                that(
                    world.clock.monotonic() < until,
                    f"{_RECOVERY:g} s after the trouble the client still fails",
                )
            await world.sleep(0.05)


_ERROR = b"an error"


async def _answer(call: Coroutine[Any, Any, bytes | None]) -> bytes | None:
    """The answer, or that it was an error of the right kind."""
    try:
        return await call
    except (UnavailableError, DeadlineExceededError):
        return _ERROR
    except OmniCloudError as error:
        that(False, f"a cut is told as {type(error).__name__}")
        return _ERROR


async def _denied(call: Coroutine[Any, Any, None]) -> bool:
    """Whether the call raises an error that says it was not done."""
    try:
        await call
    except OmniCloudError as error:
        that(
            isinstance(error, UnavailableError | DeadlineExceededError),
            f"a cut is told as {type(error).__name__}",
        )
        return error.outcome is Outcome.NOT_DONE
    return False
