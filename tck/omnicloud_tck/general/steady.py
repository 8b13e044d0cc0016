"""Laws of kept payloads about what outages, cancelled calls and errors leave behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from typing import Any

from omnicloud.errors import DeadlineExceededError, OmniCloudError, Outcome, UnavailableError
from omnicloud_tck.check import equal, that
from omnicloud_tck.general.beside import Beside
from omnicloud_tck.general.faults import Faults
from omnicloud_tck.general.kept import Pipe
from omnicloud_tck.general.namespaces import Namespaces
from omnicloud_tck.general.often import Often
from omnicloud_tck.general.overwriting import Overwriting
from omnicloud_tck.general.prefixes import Prefixes
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.samples import PARSED_ALIKE, TYPED_ALIKE
from omnicloud_tck.telling import everything, refusal, tells
from omnicloud_tck.world import World

__all__ = ["Steady"]

_CANARY = b"canary-41d0c2"
_OUTAGE_SECONDS = 20.0
_SWEEP = 12  # turns of the loop at which a call is cancelled


class Steady(Faults, Often, Namespaces, Beside, Overwriting, Prefixes):
    """What is over is over: for contracts in which a payload stays until it is removed."""

    @law("G-087", "Names that a store might take for numbers, truths or dates stay apart.")
    async def typed_names_stay_apart(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for name in TYPED_ALIKE:
            equal(None, await self.take(pipe, name), f"{name!r} before it is put")
            await self.put(pipe, name, name.encode())
        for name in TYPED_ALIKE:
            equal(name.encode(), await self.take(pipe, name), f"name {name!r}")

    @law("G-088", "A payload is kept as it is spelt, whatever it could be parsed as.")
    async def payloads_are_not_parsed(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for text in PARSED_ALIKE:
            await self.put(pipe, "spelt", text.encode())
            equal(text.encode(), await self.take(pipe, "spelt"), "a payload that could be parsed")

    @law(
        "G-060",
        "What was read before an outage is no answer in it, and what it refused is not done after.",
        abilities=[Ability.OUTAGE],
    )
    async def an_outage_leaves_no_ghosts(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        await self.put(one, "kept", b"before")
        await self.put(one, "removed", b"before")
        await self.remove(two, "removed")
        await self._read_often((one, two))
        async with world.outage():
            for name in ("kept", "removed", "never"):
                for pipe in (one, two):
                    await _unanswered(self.take(pipe, name), name)
            undone = [
                name
                for name in ("new-0", "new-1", "new-2")
                if await _was_not_done(self.put(one, name, b"during"))
            ]
            await _was_not_done(self.put(one, "kept", b"during"))
            await _was_not_done(self.put(one, "again", b"during"))
        await self.put(two, "kept", b"after")
        await self.put(two, "again", b"after")
        expected = {"kept": b"after", "again": b"after", "removed": None, "never": None}
        await self._lasts(world, (one, two), expected | dict.fromkeys(undone), "the outage")

    async def _read_often(self, pipes: tuple[Pipe, ...]) -> None:
        """So that a copy near the client, where one is kept, is there."""
        for pipe in (*pipes, *pipes):
            equal(b"before", await self.take(pipe, "kept"), "before the outage")
            equal(None, await self.take(pipe, "removed"), "what was removed")
            equal(None, await self.take(pipe, "never"), "what never was there")

    @law(
        "G-061",
        "A cancelled call is done by the time the next one is answered, or a second later over "
        "a network, or never.",
        rung=Rung.CONCURRENCY,
    )
    async def cancelled_calls_are_over(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        expected: dict[str, bytes | None] = {}
        for sweep in _sweeps(world):
            for turns in sweep:
                await self.put(two, f"kept-{turns}", b"older")
                await _cancelled_after(turns, self.put(one, f"written-{turns}", b"older"))
                await _cancelled_after(turns, self.remove(one, f"kept-{turns}"))
                await _cancelled_after(turns, self.put(one, f"gone-{turns}", b"older"))
            await world.sleep(world.on_its_way)
            for turns in sweep:
                newer = (f"written-{turns}", f"kept-{turns}")
                for name in newer:
                    await self.put(two, name, b"newer")
                await self.remove(two, f"gone-{turns}")
                expected |= {**dict.fromkeys(newer, b"newer"), f"gone-{turns}": None}
        await self._lasts(world, (two,), expected, "a cancelled call")

    async def _lasts(
        self,
        world: World[Any],
        pipes: tuple[Pipe, ...],
        expected: Mapping[str, bytes | None],
        after: str,
    ) -> None:
        """What is expected is there now, and still a while later."""
        for _ in range(4):
            for pipe in pipes:
                for name, payload in expected.items():
                    equal(payload, await self.take(pipe, name), f"{name!r} after {after}")
            await world.sleep(0.6)

    @law(
        "G-062",
        "The error of a call that failed tells nothing of its payload, nor do its causes.",
        abilities=[Ability.OUTAGE],
        rung=Rung.TRUST,
    )
    async def failures_tell_no_payload(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await self.put(pipe, "told", _CANARY)
        async with world.outage():
            for name in ("told", "new"):
                error = await refusal(self.put(pipe, name, _CANARY), "a write in an outage")
                that(not tells(everything(error), _CANARY), "an error tells the payload")


def _sweeps(world: World[Any]) -> list[list[int]]:
    """The turns of the loop at which calls are cancelled, with a wait after each group."""
    turns = list(range(_SWEEP))
    return [turns] if world.on_its_way else [[turn] for turn in turns]


async def _cancelled_after(turns: int, call: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _unanswered(call: Coroutine[Any, Any, Any], name: str) -> None:
    try:
        async with asyncio.timeout(_OUTAGE_SECONDS):
            await call
    except OmniCloudError as error:
        known = isinstance(error, UnavailableError | DeadlineExceededError)
        that(known, f"an outage is told as {type(error).__name__}")
        return
    except TimeoutError:
        that(False, f"{name!r} in an outage had not ended after {_OUTAGE_SECONDS:.0f} s")
    that(False, f"{name!r}, which was asked for before, is answered in an outage")


async def _was_not_done(write: Coroutine[Any, Any, Any]) -> bool:
    """Whether a write in an outage is told as not done, rather than as unknown."""
    async with asyncio.timeout(_OUTAGE_SECONDS):
        error = await refusal(write, "a write in an outage")
    return error.outcome is Outcome.NOT_DONE
