"""Recommended CPU in running containers: kept where it does, taken back where it hurts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np
import pytest

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainerSpec,
    RestartPolicy,
    RestartWhen,
    Stats,
)
from omnicloud.contracts.containers.driver import Restart, Sample, Update
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.placement.recommend import Advice, Applied, apply
from omnicloud.testing import LoopClock, run_virtual

IDLE = ("sleep", "3600")
BUSY = ("sh", "-c", "while true; do :; done")


def advice(name: str, request: float, recommended: float) -> Advice:
    return Advice(name, request, 0.0, 0.0, recommended, 1.0, "asks too much")


def scene(
    play: Callable[[Containers], Awaitable[object]],
    kind: type[MemoryContainers] = MemoryContainers,
) -> object:
    clock = LoopClock()

    async def main() -> object:
        containers = Containers(Pipeline(kind(MemoryStore(clock), "c")), clock)
        for name, command in (("idle", IDLE), ("busy", BUSY)):
            spec = ContainerSpec(name=name, command=command, cpu=0.8, memory_bytes=64 << 20)
            await containers.run(spec)
        try:
            return await play(containers)
        finally:
            await containers.aclose()

    return run_virtual(main())


async def limit(containers: Containers, name: str) -> float | None:
    found = await containers.get(name)
    assert found is not None
    return found.resources.cpu


def test_what_does_not_hurt_is_kept_and_what_does_is_taken_back() -> None:
    async def play(containers: Containers) -> None:
        wanted = [advice("idle", 0.8, 0.1), advice("busy", 0.8, 0.4), advice("fits", 0.5, 0.5)]
        idle, busy = await apply(containers, wanted, watch=30, interval=1)
        assert idle == Applied("idle", 0.8, 0.1, "asks too much")
        assert (busy.before, busy.after) == (0.8, 0.8)
        assert "taken back: it waited" in busy.reason
        assert (await limit(containers, "idle"), await limit(containers, "busy")) == (0.1, 0.8)

    scene(play)


def test_a_burst_that_its_new_limit_holds_back_is_seen_where_the_mean_use_is_low() -> None:
    turns = "for i in $(seq 1 50); do :; done"
    bursts = ("sh", "-c", f"while true; do {turns}; sleep 1; done")

    class Bursting(MemoryContainers):
        """Waits 0.3 s in every second for its limit, of which it uses a third."""

        async def sample(self, op: Sample, /) -> Stats:
            stats = await super().sample(op)
            waited = 0.3 * stats.at if (await self._box(op.container)).resources.cpu == 0.4 else 0.0
            return replace(stats, cpu_seconds=0.13 * stats.at, throttled_seconds=waited)

    async def play(containers: Containers) -> None:
        await containers.run(ContainerSpec(name="bursts", command=bursts, cpu=0.8))
        (one,) = await apply(containers, [advice("bursts", 0.8, 0.4)], watch=20)
        assert "taken back: it waited" in one.reason
        assert await limit(containers, "bursts") == 0.8

    scene(play, Bursting)


def test_where_throttling_is_not_told_use_of_the_whole_limit_is_taken_for_it() -> None:
    class Untold(MemoryContainers):
        async def sample(self, op: Sample, /) -> Stats:
            return replace(await super().sample(op), throttled_seconds=None)

    async def play(containers: Containers) -> None:
        wanted = [advice("idle", 0.8, 0.1), advice("busy", 0.8, 0.4)]
        idle, busy = await apply(containers, wanted, watch=30)
        assert idle.after == 0.1
        assert "taken back: it used 100% of its new limit" in busy.reason

    scene(play, Untold)


def test_a_raised_limit_is_kept_though_all_of_it_is_used() -> None:
    async def play(containers: Containers) -> None:
        (one,) = await apply(containers, [advice("busy", 0.8, 0.9)], watch=30)
        assert (one.before, one.after) == (0.8, 0.9)
        assert await limit(containers, "busy") == 0.9

    scene(play)


def test_advice_of_single_precision_is_for_the_limit_that_it_was_made_from() -> None:
    async def play(containers: Containers) -> None:
        rounded = float(np.float32(0.8))
        (one,) = await apply(containers, [advice("idle", rounded, 0.1)], watch=5)
        assert (one.before, one.after) == (0.8, 0.1)
        (back,) = await apply(containers, [advice("busy", rounded, 0.4)], watch=30)
        assert "taken back" in back.reason
        assert await limit(containers, "busy") == 0.8

    scene(play)


def test_a_limit_that_changed_since_the_advice_is_left_alone() -> None:
    async def play(containers: Containers) -> None:
        await containers.update("idle", cpu=0.6)
        (one, gone) = await apply(
            containers, [advice("idle", 0.8, 0.1), advice("gone", 0.8, 0.1)], watch=5
        )
        assert "left as it is: its limit is 0.6" in one.reason
        assert "left as it is: it is gone" in gone.reason
        assert await limit(containers, "idle") == 0.6

    scene(play)


def test_when_it_is_cancelled_all_get_their_limits_back() -> None:
    async def play(containers: Containers) -> None:
        task = asyncio.create_task(apply(containers, [advice("idle", 0.8, 0.1)], watch=60))
        await asyncio.sleep(5)
        assert await limit(containers, "idle") == 0.1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await limit(containers, "idle") == 0.8

    scene(play)


MIB = 1 << 20


class Growing(MemoryContainers):
    """Uses 30 MiB, and ``busy`` 2 MiB more with each measurement."""

    measured = 0

    async def sample(self, op: Sample, /) -> Stats:
        found = await super().sample(op)
        self.measured += op.container == "busy"
        grown = 2 * self.measured if op.container == "busy" else 0
        return replace(found, memory_bytes=(30 + grown) * MIB)


async def memory(containers: Containers, name: str) -> int | None:
    found = await containers.get(name)
    assert found is not None
    return found.resources.memory_bytes


def test_memory_is_changed_where_it_is_asked_for_and_given_back_before_it_is_full() -> None:
    async def play(containers: Containers) -> None:
        wanted = [advice("idle", 64.0 * MIB, 40.0 * MIB), advice("busy", 64.0 * MIB, 40.5 * MIB)]
        idle, busy = await apply(containers, wanted, watch=30, of="memory")
        assert idle == Applied("idle", 64 * MIB, 40 * MIB, "asks too much", "memory")
        assert (busy.before, busy.after, busy.of) == (64 * MIB, 64 * MIB, "memory")
        assert "taken back: it used 99% of its new limit" in busy.reason
        assert await memory(containers, "idle") == 40 * MIB
        assert await memory(containers, "busy") == 64 * MIB
        assert await limit(containers, "idle") == 0.8

    scene(play, Growing)


def test_a_program_that_ends_under_its_new_memory_limit_gets_the_old_one_back() -> None:
    async def play(containers: Containers) -> None:
        await containers.run(
            ContainerSpec(
                name="dies",
                command=("sh", "-c", "sleep 5; exit 137"),
                memory_bytes=64 * MIB,
                restart=RestartPolicy(RestartWhen.ALWAYS),
            )
        )
        (one,) = await apply(
            containers, [advice("dies", 64.0 * MIB, 40.0 * MIB)], watch=30, of="memory"
        )
        assert "taken back: it ended" in one.reason
        assert await memory(containers, "dies") == 64 * MIB

    scene(play)


def test_a_memory_limit_below_what_is_used_is_not_taken() -> None:
    async def play(containers: Containers) -> None:
        (one,) = await apply(containers, [advice("idle", 64.0 * MIB, 1000.0)], of="memory")
        assert "left as it is" in one.reason
        assert await memory(containers, "idle") == 64 * MIB

    scene(play)


def test_what_the_kernel_kills_at_the_change_itself_gets_its_memory_back() -> None:
    class Killing(MemoryContainers):
        """Kills what gets less than 50 MiB, and starts it again at once."""

        async def update(self, op: Update, /) -> Container:
            changed = await super().update(op)
            if op.memory_bytes is not None and op.memory_bytes < 50 * MIB:
                await self.restart(Restart(op.container, 0.0))
            return changed

    async def play(containers: Containers) -> None:
        await asyncio.sleep(1)
        wanted = [advice("idle", 64.0 * MIB, 40.0 * MIB)]
        (one,) = await apply(containers, wanted, watch=5, of="memory")
        assert "taken back: it ended" in one.reason
        assert await memory(containers, "idle") == 64 * MIB

    scene(play, Killing)
