"""Limits that follow what containers of one node use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from omnicloud.contracts.containers import Containers, ContainersFeature, ContainerSpec, Stats
from omnicloud.contracts.containers.driver import Remove, Sample, Stop
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, NotFoundError, UnavailableError
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.placement.recommend.steer import Steerer, Steering, shared_out
from omnicloud.testing import LoopClock, run_virtual

IDLE = ("sleep", "3600")
BUSY = ("sh", "-c", "while true; do :; done")
RULES = Steering(capacity=1.0, interval=1.0, past=10.0)


class Untold(MemoryContainers):
    """Does not tell of throttling."""

    @property
    def features(self) -> frozenset[Feature]:
        return super().features - {ContainersFeature.THROTTLING}

    async def sample(self, op: Sample, /) -> Stats:
        stats = await super().sample(op)
        return replace(stats, periods=None, throttled_periods=None, throttled_seconds=None)


def scene(
    play: Callable[[Containers, LoopClock], Awaitable[object]],
    kind: type[MemoryContainers] = MemoryContainers,
) -> None:
    clock = LoopClock()

    async def main() -> None:
        containers = Containers(Pipeline(kind(MemoryStore(clock), "c")), clock)
        for name, command in (("idle", IDLE), ("busy", BUSY)):
            await containers.run(ContainerSpec(name=name, command=command, cpu=0.3))
        try:
            await play(containers, clock)
        finally:
            await containers.aclose()

    run_virtual(main())


async def limits(containers: Containers) -> dict[str, float | None]:
    return {one.name: one.resources.cpu for one in await containers.list()}


async def steered(steerer: Steerer, clock: LoopClock, steps: int) -> None:
    for _ in range(steps):
        await steerer.step()
        await clock.sleep(1.0)


def test_each_gets_its_forecast_and_all_that_is_forecast_for_nobody() -> None:
    rules = replace(RULES, margin=1.0, least=0.05, spare=0.1)
    assert shared_out([0.2, 0.01], 0.2, rules) == pytest.approx([1.0, 0.85])
    assert shared_out([0.6, 0.3], 0.9, rules) == pytest.approx([0.7, 0.4])
    assert shared_out([0.9, 0.9], 1.8, rules) == pytest.approx([1.0, 1.0])
    assert shared_out([], 0.0, rules) == []


@pytest.mark.parametrize("kind", [MemoryContainers, Untold])
def test_a_container_that_is_held_back_gets_what_the_idle_one_leaves(
    kind: type[MemoryContainers],
) -> None:
    async def play(containers: Containers, clock: LoopClock) -> None:
        steerer = Steerer(containers, RULES, clock)
        await steerer.begin(["idle", "busy"])
        await steered(steerer, clock, 20)
        found = await limits(containers)
        assert found["busy"] == 1.0
        assert found["idle"] == pytest.approx(RULES.least + RULES.spare, abs=0.05)
        await steerer.restore()
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3}

    scene(play, kind)


def test_what_ends_is_left_out_and_the_others_are_steered_on() -> None:
    async def play(containers: Containers, clock: LoopClock) -> None:
        steerer = Steerer(containers, RULES, clock)
        await steerer.begin(["idle", "busy"])
        await steered(steerer, clock, 3)
        await containers.pipeline.send(Stop("idle", grace=0))
        await steered(steerer, clock, 3)
        await containers.pipeline.send(Remove("idle"))
        await steered(steerer, clock, 3)
        assert (await limits(containers))["busy"] == 1.0
        await steerer.restore()
        assert await limits(containers) == {"busy": 0.3}

    scene(play)


def test_a_change_that_is_not_worth_it_is_left_out() -> None:
    async def play(containers: Containers, clock: LoopClock) -> None:
        steerer = Steerer(containers, RULES, clock)
        await steerer.begin(["idle", "busy"])
        await steered(steerer, clock, 20)
        assert [await steerer.step() for _ in range(3)] == [{}, {}, {}]

    scene(play)


def test_an_engine_out_of_reach_is_told_by_one_error_and_changes_nothing() -> None:
    class Cut(MemoryContainers):
        async def sample(self, op: Sample, /) -> Stats:
            await super().sample(op)
            raise UnavailableError("the engine cannot be reached")

    async def play(containers: Containers, clock: LoopClock) -> None:
        steerer = Steerer(containers, RULES, clock)
        await steerer.begin(["idle", "busy"])
        with pytest.raises(UnavailableError):
            await steerer.step()
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3}

    scene(play, Cut)


def test_rules_that_cannot_be_kept_and_names_that_are_not_there_are_refused() -> None:
    for wrong in ("margin", 0.9), ("least", 2.0), ("spare", 1.5), ("worthwhile", -1.0):
        with pytest.raises(InvalidArgumentError, match="capacity"):
            replace(RULES, **dict([wrong]))  # type: ignore[arg-type]  # by name

    async def play(containers: Containers, clock: LoopClock) -> None:
        with pytest.raises(NotFoundError, match="gone"):
            await Steerer(containers, RULES, clock).begin(["gone"])

    scene(play)
