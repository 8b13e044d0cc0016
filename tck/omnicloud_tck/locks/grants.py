"""The laws of grants: renewal, repetition, fencing, permits, the line, restarts."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.locks import Grant, LocksFeature
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Level, Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.world import World

__all__ = ["GrantLaws"]

_SLACK = 0.15
_FENCING = [LocksFeature.FENCING]
_FAIR = [LocksFeature.FAIR]
_RESTS = {3: 4000.0, 6: 90_000.0, 8: 31 * 86_400.0}
"""Seconds for which nobody asks for a name, after its so many-th grant."""
Pipe = Pipeline[Any]


class GrantLaws(Contract):
    """What the driver promises to owners."""

    @law("LO-020", "A renewal counts the end anew, from now, for the holder alone.")
    async def renewals_prolong(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        equal(False, await _renew(one, "one", 30), "renewing what no one holds")
        equal(True, await _got(one, "one", 0.6), "acquiring")
        equal(False, await _renew(two, "two", 30), "renewing another's lock")
        for _ in range(3):
            await world.sleep(0.4)
            equal(True, await _renew(one, "one", 0.6), "renewing the own lock")
            equal(False, await _got(two, "two", 30), "acquiring what is renewed")
        equal(True, await _renew(one, "one", 0.6), "renewing at once again")
        await world.sleep(0.6 + _SLACK)
        equal(True, await _got(two, "two", 30), "acquiring after the last renewal's end")
        equal(True, await _renew(two, "two", 0.3), "renewing for a shorter time")
        await world.sleep(0.3 + _SLACK)
        equal(True, await _got(one, "three", 30), "acquiring after the shorter time")

    @law("LO-021", "What has ended, was released, or passed on is not renewed.")
    async def the_lost_is_not_renewed(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        await _got(one, "one", 0.3)
        await _got(one, "one", 0.3, lock="free")
        await world.sleep(0.3 + _SLACK)
        equal(False, await _renew(one, "one", 30, lock="free"), "renewing what ended")
        equal(True, await _got(two, "two", 30, lock="free"), "acquiring what ended")
        equal(True, await _got(two, "two", 30), "acquiring what ended")
        equal(False, await _renew(one, "one", 30), "renewing what passed on")
        await two.send(Release("l", "one"))
        equal(False, await _got(one, "three", 30), "acquiring after the loser's release")
        equal(True, await _renew(two, "two", 30), "renewing after all of this")
        await two.send(Release("l", "two"))
        equal(False, await _renew(two, "two", 30), "renewing what was released")
        equal(True, await _got(one, "three", 30), "acquiring what was released")

    @law("LO-022", "An acquisition that is repeated is answered alike, its end counted anew.")
    async def repeating_is_harmless(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        first = await _ask(one, "one", 0.6)
        await world.sleep(0.4)
        again = await _ask(one, "one", 0.6)
        that(first is not None, "acquiring")
        equal(first, again, "the answer to the same acquisition")
        await world.sleep(0.4)
        equal(False, await _got(two, "two", 30), "acquiring before the repeated one's end")
        await one.send(Release("l", "one"))
        equal(True, await _got(two, "two", 30), "acquiring after one release of both")

    @law(
        "LO-023",
        "Each grant of a name has a larger token than all before it, however long it rested.",
        needs=_FENCING,
        patience=60 * 86_400.0,
    )
    async def tokens_grow(self, world: World[Any]) -> None:
        pipes = [await world.pipeline() for _ in range(3)]
        last = 0
        for number in range(12):
            pipe, owner = pipes[number % 3], f"owner {number}"
            last = _larger(await _ask(pipe, owner, 0.2 if number % 4 == 3 else 30), last)
            equal(True, await _renew(pipe, owner, 0.2 if number % 4 == 3 else 30), "renewing")
            if number % 4 == 3:
                await world.sleep(0.2 + _SLACK)
            else:
                await pipe.send(Release("l", owner))
            if world.virtual and number in _RESTS:
                await world.sleep(_RESTS[number])

    @law(
        "LO-024",
        "Tokens go on growing after a restart of the backend.",
        needs=_FENCING,
        abilities=[Ability.RESTART],
    )
    async def tokens_grow_over_restarts(self, world: World[Any]) -> None:
        last = 0
        for life in range(3):
            pipe = await world.pipeline()
            for number in range(3):
                owner = f"owner {life} {number}"
                last = _larger(await _ask(pipe, owner, 30), last)
                await pipe.send(Release("l", owner))
            await world.restart()

    @law(
        "LO-132",
        "A step of the wall clock makes no token smaller.",
        needs=_FENCING,
        level=Level.SHOULD,
        abilities=[Ability.STEP_WALL],
    )
    async def tokens_are_no_clock(self, world: World[Any]) -> None:
        pipe, last = await world.pipeline(), 0
        for number, step in enumerate((0, -7200, 14400, -86_400)):
            world.step_wall(step)
            for part in range(3):
                owner = f"owner {number} {part}"
                last = _larger(await _ask(pipe, owner, 30), last)
                await pipe.send(Release("l", owner))

    @law(
        "LO-025",
        "A grant that was given survives a restart of the backend.",
        needs=[LocksFeature.DURABLE],
        abilities=[Ability.RESTART],
    )
    async def grants_survive(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        equal(True, await _got(pipe, "one", 30), "acquiring")
        equal(True, await _got(pipe, "one", 30, lock="released"), "acquiring")
        await pipe.send(Release("released", "one"))
        await world.restart()
        pipe = await world.pipeline()
        equal(False, await _got(pipe, "two", 30), "acquiring what is held, after a restart")
        equal(True, await _renew(pipe, "one", 30), "renewing after a restart")
        equal(True, await _got(pipe, "two", 30, lock="released"), "acquiring what was released")

    @law(
        "LO-030",
        "A semaphore has as many holders as permits, never more.",
        needs=[LocksFeature.PERMITS],
    )
    async def permits_are_counted(self, world: World[Any]) -> None:
        pipes = [await world.pipeline() for _ in range(3)]
        asked = (_got(pipes[n % 3], f"o{n}", 30, permits=3) for n in range(8))
        won = [n for n, got in enumerate(await asyncio.gather(*asked)) if got]
        equal(3, len(won), "holders of three permits")
        equal(True, await _renew(pipes[0], f"o{won[0]}", 0.4), "renewing a permit")
        equal(False, await _got(pipes[1], "new", 30, permits=3), "acquiring a fourth")
        await pipes[2].send(Release("l", f"o{won[1]}"))
        equal(True, await _got(pipes[1], "new", 30, permits=3), "acquiring one that was released")
        equal(False, await _got(pipes[0], "newer", 30, permits=3), "acquiring one more")
        await world.sleep(0.4 + _SLACK)
        equal(True, await _got(pipes[0], "newer", 30, permits=3), "acquiring one that ended")
        equal(False, await _got(pipes[0], "newest", 30, permits=3), "acquiring one more")
        for fewer in (2, 1):
            got = await _got(pipes[1], "newest", 30, permits=fewer)
            equal(False, got, f"acquiring one of {fewer} beside three holders")
        if pipes[1].driver.limits.permits_max >= 4:
            equal(True, await _got(pipes[1], "newest", 30, permits=4), "acquiring a fourth of four")
            await pipes[2].send(Release("l", "newest"))
        equal(False, await _renew(pipes[0], f"o{won[0]}", 30), "renewing the one that ended")
        equal(True, await _renew(pipes[0], f"o{won[2]}", 30), "renewing one of the first")

    @law(
        "LO-031",
        "Who waits is granted in the order of arrival.",
        needs=_FAIR,
        rung=Rung.CONCURRENCY,
    )
    async def the_line_is_kept(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        await _got(one, "holder", 30)
        equal(False, await _got(two, "first", 30, queue=5), "acquiring, and waiting")
        equal(False, await _got(one, "second", 30, queue=5), "acquiring, and waiting")
        equal(False, await _got(two, "first", 30, queue=5), "asking again")
        await one.send(Release("l", "holder"))
        equal(False, await _got(one, "newcomer", 30), "acquiring before those who wait")
        equal(False, await _got(one, "second", 30, queue=5), "acquiring before the first")
        equal(True, await _got(two, "first", 30, queue=5), "acquiring as the first")
        await two.send(Release("l", "first"))
        equal(False, await _got(two, "first again", 30), "acquiring before the second")
        equal(True, await _got(one, "second", 30, queue=5), "acquiring as the second")

    @law(
        "LO-032",
        "A waiter that leaves, or does not ask again in time, loses its place.",
        needs=_FAIR,
        rung=Rung.CONCURRENCY,
    )
    async def places_are_given_up(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        place = 5.0 if world.virtual else 2.0  # seconds that it is kept, on a busy machine too
        await _got(one, "holder", 30)
        await _got(one, "leaves", 30, queue=30)
        await _got(two, "silent", 30, queue=place)
        await _got(two, "asks", 30, queue=place)
        await two.send(Release("l", "leaves"))
        await world.sleep(0.7 * place)
        equal(False, await _got(two, "asks", 30, queue=place), "asking again")
        await world.sleep(0.7 * place)
        await one.send(Release("l", "holder"))
        equal(False, await _got(one, "newcomer", 30), "acquiring before one who waits")
        equal(True, await _got(two, "asks", 30), "acquiring as the only one who waits")
        await two.send(Release("l", "asks"))
        asked = world.clock.monotonic()
        equal(True, await _got(one, "newcomer", 0.8), "acquiring when no one waits")
        waits = not await _got(two, "waits", 30, queue=30)
        that(waits or world.clock.monotonic() - asked > 0.8, "acquiring what is held")
        await world.sleep(0.8 + _SLACK)
        equal(False, await _got(one, "newer", 30), "acquiring after a dead holder, before a waiter")
        equal(True, await _got(two, "waits", 30, queue=30), "acquiring as the one who waited")

    def follow_the_model(self, lab: Lab) -> None:
        """Draw sequences of requests and compare each answer."""
        from hypothesis import given
        from hypothesis import strategies as st

        pipes = [lab.run(lab.world.pipeline()) for _ in range(2)]
        verbs = st.sampled_from(("acquire", "renew", "release"))
        one = st.tuples(verbs, st.integers(0, 1), st.sampled_from("abc"), st.sampled_from("xy"))
        number = 0

        @drawn(lab)
        @given(steps=st.lists(one, max_size=30))
        def follow(steps: list[tuple[str, int, str, str]]) -> None:
            nonlocal number
            number += 1
            lab.run(_follow(f"model-{number}-", steps, pipes))

        follow()


async def _follow(prefix: str, steps: list[tuple[str, int, str, str]], pipes: list[Pipe]) -> None:
    holders: dict[str, str] = {}
    for verb, client, owner, name in steps:
        pipe, lock, held = pipes[client], prefix + name, holders.get(name)
        if verb == "acquire":
            equal(held in (None, owner), await _got(pipe, owner, 600, lock=lock), "acquiring")
            holders.setdefault(name, owner)
        elif verb == "renew":
            equal(held == owner, await _renew(pipe, owner, 600, lock=lock), "renewing")
        else:
            await pipe.send(Release(lock, owner))
            if held == owner:
                del holders[name]


async def _ask(
    pipe: Pipe,
    owner: str,
    ttl: float,
    *,
    lock: str = "l",
    permits: int = 1,
    queue: float | None = None,
) -> Grant | None:
    return await pipe.send(Acquire(lock, owner, ttl, permits, queue))


async def _got(
    pipe: Pipe,
    owner: str,
    ttl: float,
    *,
    lock: str = "l",
    permits: int = 1,
    queue: float | None = None,
) -> bool:
    return await _ask(pipe, owner, ttl, lock=lock, permits=permits, queue=queue) is not None


async def _renew(pipe: Pipe, owner: str, ttl: float, *, lock: str = "l") -> bool:
    return await pipe.send(Renew(lock, owner, ttl))


def _larger(grant: Grant | None, last: int) -> int:
    token = None if grant is None else grant.token
    that(token is not None, "a grant without a token")
    that(token is not None and token > last, f"a token of {token} after one of {last}")
    return token or 0
