"""The laws of sagas about leases of no whole number of seconds, and leases that are asked again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Keep
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.contracts.sagas.portable import SPACE
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.early import FRACTIONS, Ending, none_early
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["FractionLaws"]

Pipe = Pipeline[Any]

_LONG = 60.0
_AGAIN, _LEASE = 1.2, 1.9  # seconds after which a lease is asked again, and for which


class FractionLaws(Contract):
    """A lease is the owner's to its end, whichever call said when that is."""

    @law(
        "SA-158",
        "A lease of no whole number of seconds is kept to its end, by whichever call it was given.",
        rung=Rung.RESILIENCE,
    )
    async def leases_are_kept_to_their_end(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        endings: list[Ending] = []
        for way, give in _WAYS.items():
            for seconds in FRACTIONS:
                name = f"{way} {seconds}"
                await one.send(Create(SPACE, _record(name), "me", _LONG))
                if way != "kept":
                    await one.send(Keep(SPACE, name, "me", 0.0))
                until = world.clock.monotonic() + seconds
                if not await give(one, name, seconds):
                    continue
                over = partial(_given, two, name, "a stranger", _LONG)
                endings.append(Ending(until, over, f"a lease of {seconds} s, {way},"))
        for seconds in FRACTIONS:
            name, until = f"made {seconds}", world.clock.monotonic() + seconds
            await one.send(Create(SPACE, _record(name), "me", seconds))
            over = partial(_given, two, name, "a stranger", _LONG)
            endings.append(Ending(until, over, f"a lease of {seconds} s, of a new saga,"))
        await none_early(world, endings)

    @law(
        "SA-159",
        "An owner that is given again what it has leased has it for a whole lease from then on.",
        rung=Rung.RESILIENCE,
    )
    async def leases_begin_anew(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        names = ("by id", "by status", "made leased")
        for name in names:
            lease = _LEASE if name == names[-1] else 0.0
            await one.send(Create(SPACE, _record(name, name), "me" if lease else None, lease))
        for name in names[:-1]:
            equal(True, await _given(one, name, "me", _LEASE), f"whether {name!r} is leased")
        await world.sleep(_AGAIN)
        endings: list[Ending] = []
        for name in names:
            until = world.clock.monotonic() + _LEASE
            asked = (None if name == "by status" else name, 1)
            op = Claim(SPACE, (name,), "me", _LEASE, asked[1], asked[0])
            if await one.send(op):  # it may be given again, or not
                over = partial(_given, two, name, "a stranger", _LONG)
                endings.append(Ending(until, over, f"a lease that was given again, {name},"))
        await none_early(world, endings)


async def _given(pipe: Pipe, name: str, owner: str, lease: float) -> bool:
    """Whether a saga is leased to who asks for it by its id."""
    found: tuple[SagaRecord, ...] = await pipe.send(
        Claim(SPACE, (name, "RUNNING"), owner, lease, 1, name)
    )
    return bool(found)


async def _claimed(pipe: Pipe, name: str, lease: float) -> bool:
    return await _given(pipe, name, "me", lease)


async def _kept(pipe: Pipe, name: str, lease: float) -> bool:
    return await pipe.send(Keep(SPACE, name, "me", lease))


_WAYS: dict[str, Callable[[Pipe, str, float], Awaitable[bool]]] = {
    "claimed": _claimed,
    "kept": _kept,
}


def _record(name: str, status: str = "RUNNING") -> SagaRecord:
    return SagaRecord(name, status, None, (), b"{}", 0)
