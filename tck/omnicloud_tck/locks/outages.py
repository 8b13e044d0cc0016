"""The law of locks about who waits, or holds, while the backend is gone."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.locks import LocksFeature
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.world import World

__all__ = ["OutageLaws"]

_LONG = 3600.0
_GONE = 1.0  # seconds of the outage
_ERRORS = (UnavailableError, DeadlineExceededError)


class OutageLaws(Contract):
    """An outage grants nothing and takes nothing."""

    @law(
        "LO-146",
        "Who holds, and who is in line in its order, does so after an outage in which both asked.",
        needs=[LocksFeature.FAIR],
        abilities=[Ability.OUTAGE],
        rung=Rung.RESILIENCE,
    )
    async def a_line_outlasts_an_outage(self, world: World[Any]) -> None:
        pipes: list[Pipeline[Any]] = [await world.pipeline() for _ in range(2)]
        permits = 2 if LocksFeature.PERMITS in pipes[0].driver.features else 1
        holders = [f"holder-{number}" for number in range(permits)]
        waiters = [f"waiter-{number}" for number in range(4)]
        asked = [*zip(holders, pipes, strict=False), *zip(waiters, pipes * 2, strict=True)]
        for owner, pipe in asked:
            grant = await _acquire(pipe, owner, permits)
            equal(owner in holders, grant is not None, f"whether {owner} is granted")
        async with world.outage():
            for owner, pipe in asked:
                with refused(_ERRORS, f"asking in an outage as {owner}"):
                    await _acquire(pipe, owner, permits)
            with refused(_ERRORS, "renewing in an outage"):
                await pipes[0].send(Renew("l", holders[0], _LONG))
            await world.sleep(_GONE)
        for owner, pipe in asked[: len(holders)]:
            renewed: bool = await pipe.send(Renew("l", owner, _LONG))
            equal(True, renewed, f"renewing as {owner} after it")
        await pipes[0].send(Release("l", holders[0]))
        for place, owner in enumerate(waiters):
            for late in reversed(waiters[place + 1 :]):
                grant = await _acquire(pipes[1], late, permits)
                equal(None, grant, f"asking as {late}, before {owner}")
            grant = await _acquire(pipes[0], owner, permits)
            equal(True, grant is not None, f"whether {owner} is granted in its turn")
            await pipes[1].send(Release("l", owner))


async def _acquire(pipe: Pipeline[Any], owner: str, permits: int) -> Grant | None:
    grant: Grant | None = await pipe.send(Acquire("l", owner, _LONG, permits, _LONG))
    return grant
