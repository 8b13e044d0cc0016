"""The laws of sagas that two begin, or claim and change, at almost the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import SagaStateConflictError
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["BeginningLaws"]

_SWEEP = 10  # turns of the loop by which one creation is behind the other


class BeginningLaws(Contract):
    """An id is taken once, however close the attempts are."""

    @law(
        "SA-139",
        "Of two creations of one id, one a little behind the other, one is done and stays.",
        rung=Rung.CONCURRENCY,
    )
    async def one_of_two_begins(self, world: World[Any]) -> None:
        pipes = [await world.pipeline() for _ in range(2)]
        for turns in range(_SWEEP):
            creating: list[asyncio.Future[None]] = []
            for number, pipe in enumerate(pipes):
                record = SagaRecord(f"s-{turns}", "RUNNING", None, (), b"%d" % number, 0)
                creating.append(asyncio.ensure_future(pipe.send(Create("s", record))))
                for _ in range(turns):
                    await asyncio.sleep(0)
            ended = await asyncio.gather(*creating, return_exceptions=True)
            won = [n for n, end in enumerate(ended) if not isinstance(end, SagaStateConflictError)]
            equal(1, len(won), f"creations done, the second {turns} turns behind the first")
            found = await pipes[0].send(Get("s", f"s-{turns}"))
            equal(b"%d" % won[0], found and found.payload, "what the one that was done wrote")

    @law(
        "SA-154",
        "A claim takes back nothing that an update wrote meanwhile, and no update ends a lease.",
        rung=Rung.CONCURRENCY,
    )
    async def claims_and_updates_meet(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for turns in range(2 * _SWEEP):
            name = f"m-{turns}"
            await one.send(Create("s", _state(name, b"old", 0)))
            claim = Claim("s", ("RUNNING",), "me", 60.0, 1, name)
            update = Update("s", _state(name, b"new", 1))
            asked: tuple[Awaitable[Any], ...] = (one.send(claim), two.send(update))
            ended = await _behind(asked[:: 1 if turns < _SWEEP else -1], turns % _SWEEP)
            claimed = ended[0 if turns < _SWEEP else 1]
            found = await two.send(Get("s", name))
            told = None if found is None else (found.version, found.payload)
            equal((2, b"new"), told, "version and payload of what was updated beside a claim")
            # A claim may pass over what is being changed: then there is no lease to end.
            if claimed:
                kept = await one.send(Keep("s", name, "me", 60.0))
                equal(True, kept, "whether the claim beside an update holds")


async def _behind(calls: Iterable[Awaitable[Any]], turns: int) -> list[Any]:
    """The answers to calls each of which is so many turns of the loop behind the one before."""
    running = []
    for call in calls:
        running.append(asyncio.ensure_future(call))
        for _ in range(turns):
            await asyncio.sleep(0)
    return await asyncio.gather(*running)


def _state(name: str, payload: bytes, version: int) -> SagaRecord:
    return SagaRecord(name, "RUNNING", None, (), payload, version)
