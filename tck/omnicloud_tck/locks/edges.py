"""The laws of locks at their edges: many names, long lives, orders sent, single permits."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.locks import LocksFeature
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LocksEdges"]

_NAMES = 1200
_AT_ONCE = 40
_OTHERS = 280  # names, after which those who put away what is over do so
_MANY, _SOME = 1100, 100
_PERMITS = [LocksFeature.PERMITS]
_FAIR = [LocksFeature.FAIR]


class LocksEdges(Contract):
    """What one owner does touches that owner's grant and place, and nothing else."""

    @law("LO-120", "However many names are held, each is held by its owner and by no other.")
    async def many_names_are_held(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for owner, pipe, expected in (("one", one, True), ("two", two, False)):
            for first in range(0, _NAMES, _AT_ONCE):
                names = [f"order/{number}" for number in range(first, first + _AT_ONCE)]
                calls = (_answer(pipe, Acquire(name, f"{owner} {name}", 300.0)) for name in names)
                got = [grant is not None for grant in await asyncio.gather(*calls)]
                equal([expected] * _AT_ONCE, got, f"grants to {owner} from {names[0]}")

    @law(
        "LO-121",
        "A long time to live is kept to its end, and renewed for as long.",
        patience=9 * 86_400.0,
    )
    async def long_lives_are_kept(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for life in (5000.0, 90_000.0, 7 * 86_400.0) if world.virtual else (3.0,):
            name = f"{life}"
            await _answer(one, Acquire(name, "one", life))
            await world.sleep(life - 0.5)
            equal(None, await _answer(two, Acquire(name, "two", 1.0)), f"before {life:.0f} s")
            equal(True, await _answer(one, Renew(name, "one", 1.5)), "renewing before the end")
            await world.sleep(1.0)
            equal(None, await _answer(two, Acquire(name, "two", 1.0)), "before the renewal's end")
            await world.sleep(0.7)
            equal(True, await _answer(two, Acquire(name, "two", 1.0)) is not None, "after it")

    @law(
        "LO-122",
        "A release that is sent after an acquisition takes it back, its answer awaited or not.",
        rung=Rung.CONCURRENCY,
    )
    async def orders_are_kept(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for number in range(20):
            taking = asyncio.ensure_future(_answer(one, Acquire("l", f"one-{number}", 60.0)))
            leaving = asyncio.ensure_future(_answer(one, Release("l", f"one-{number}")))
            await asyncio.gather(taking, leaving)
            got = await _answer(two, Acquire("l", "two", 60.0))
            equal(True, got is not None, "acquiring what was taken and released at once")
            await _answer(two, Release("l", "two"))

    @law("LO-123", "An owner that asks again holds one permit still.", needs=_PERMITS)
    async def asking_again_takes_no_second(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for _ in range(3):
            got = await _answer(one, Acquire("p", "one", 60.0, 2))
            equal(True, got is not None, "the first permit")
        equal(
            True, await _answer(two, Acquire("p", "two", 60.0, 2)) is not None, "the second permit"
        )
        equal(None, await _answer(two, Acquire("p", "three", 60.0, 2)), "a third permit of two")
        await _answer(one, Release("p", "one"))
        got = await _answer(two, Acquire("p", "three", 60.0, 2))
        equal(True, got is not None, "the permit given back after one release")

    @law("LO-124", "Each permit ends by itself, whichever others are renewed.", needs=_PERMITS)
    async def permits_end_alone(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await _answer(pipe, Acquire("p", "one", 60.0, 2))
        await _answer(pipe, Acquire("p", "two", 0.6, 2))
        equal(True, await _answer(pipe, Renew("p", "one", 60.0)), "renewing one permit")
        await world.sleep(0.8)
        equal(False, await _answer(pipe, Renew("p", "two", 60.0)), "renewing the one that ended")
        got = await _answer(pipe, Acquire("p", "three", 60.0, 2))
        equal(True, got is not None, "the permit that ended")

    @law("LO-143", "A semaphore has as many permits as are asked for.", needs=_PERMITS)
    async def large_semaphores_are_whole(self, world: World[Any]) -> None:
        pipe: Any = await world.pipeline()
        most = min(pipe.driver.limits.permits_max, _MANY if world.virtual else _SOME)
        for number in range(most):
            got = await _answer(pipe, Acquire("p", f"o-{number}", 300.0, most))
            equal(True, got is not None, f"permit {number + 1} of {most}")
        equal(None, await _answer(pipe, Acquire("p", "more", 60.0, most)), "one more than that")
        await _answer(pipe, Release("p", f"o-{most // 2}"))
        got = await _answer(pipe, Acquire("p", "more", 60.0, most))
        equal(True, got is not None, "the permit that was given back")

    @law("LO-125", "Who asks again keeps its place, wherever in the line it is.", needs=_FAIR)
    async def asking_keeps_the_place(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await _answer(pipe, Acquire("l", "holder", 60.0))
        for name in ("a", "b", "c", "b", "a", "c", "b"):
            equal(None, await _answer(pipe, Acquire("l", name, 60.0, 1, 60.0)), "while it is held")
        before = "holder"
        for name, others in (("a", "cb"), ("b", "c"), ("c", "")):
            await _answer(pipe, Release("l", before))
            for other in others:
                equal(None, await _answer(pipe, Acquire("l", other, 60.0, 1, 60.0)), "out of turn")
            got = await _answer(pipe, Acquire("l", name, 60.0, 1, 60.0))
            equal(True, got is not None, f"the turn of {name}")
            before = name

    @law(
        "LO-126",
        "A semaphore's line is a line as well: newcomers go behind it.",
        needs=[LocksFeature.FAIR, LocksFeature.PERMITS],
    )
    async def semaphores_have_lines(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for name in ("one", "two"):
            await _answer(pipe, Acquire("p", name, 60.0, 2))
        for name in ("a", "b"):
            equal(
                None, await _answer(pipe, Acquire("p", name, 60.0, 2, 60.0)), "while both are held"
            )
        await _answer(pipe, Release("p", "one"))
        equal(None, await _answer(pipe, Acquire("p", "new", 60.0, 2)), "a newcomer")
        equal(None, await _answer(pipe, Acquire("p", "b", 60.0, 2, 60.0)), "the second of the line")
        equal(True, await _answer(pipe, Acquire("p", "a", 60.0, 2, 60.0)) is not None, "the first")

    @law("LO-144", "However many names are held beside it, a line keeps its order.", needs=_FAIR)
    async def lines_stay_beside_others(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for ended in (False, True):
            line, life = f"line-{ended}", 0.5 if ended else 60.0
            await _answer(pipe, Acquire(line, "holder", life))
            for name in ("a", "b"):
                got = await _answer(pipe, Acquire(line, name, 60.0, 1, 60.0))
                equal(None, got, "while it is held")
            await (world.sleep(life + 0.2) if ended else _answer(pipe, Release(line, "holder")))
            for first in range(0, _OTHERS, _AT_ONCE):
                names = [f"{line}/{number}" for number in range(first, first + _AT_ONCE)]
                await asyncio.gather(*(_answer(pipe, Acquire(one, one, 60.0)) for one in names))
            equal(None, await _answer(pipe, Acquire(line, "new", 60.0)), "a newcomer")
            for name, expected in (("b", False), ("a", True)):
                got = await _answer(pipe, Acquire(line, name, 60.0, 1, 60.0))
                equal(expected, got is not None, f"a grant to {name}, the first in line being a")


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
