"""The laws of how calls about locks behave in their process."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud_tck.check import that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.stalls import longest_stall
from omnicloud_tck.world import World

__all__ = ["MannerLaws"]


class MannerLaws(Contract):
    """Neither the loop is kept, nor are tasks left behind."""

    @law(
        "LO-040",
        "Attempts and releases do not block the event loop.",
        alone=True,
        rung=Rung.CONCURRENCY,
    )
    async def the_loop_is_not_blocked(self, world: World[Any]) -> None:
        locks = await self.portable(world)
        attempts, releases = [], []
        for number in range(12):
            lock = locks.get_lock(f"l{number}", 30)
            attempts.append(await longest_stall(lock.acquire()))
            releases.append(await longest_stall(lock.release()))
        worst = max(sorted(attempts)[3], sorted(releases)[3])
        that(worst < 0.010, f"three in four calls keep the loop for {worst * 1e3:.0f} ms and more")

    @law(
        "LO-041",
        "Attempts, refused ones as well, and releases leave no tasks.",
        alone=True,
        rung=Rung.RESILIENCE,
    )
    async def no_tasks_are_left(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        await one.get_lock("warm", 30).acquire()
        before = len(asyncio.all_tasks())
        for number in range(40):
            lock = one.get_lock(f"l{number % 5}", 30)
            await lock.acquire()
            await two.get_lock(f"l{number % 5}", 30).acquire()
            await lock.release()
        left = len(asyncio.all_tasks()) - before
        that(left < 20, f"120 calls left {left} more tasks running")
