"""Limits of a service's containers follow what they use, and come back however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from omnicloud.cli.app import cli
from omnicloud.contracts.containers import Container, Containers, ContainerSpec, Stats
from omnicloud.contracts.containers.driver import Sample, Start, Stop, Update
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConfigurationError, ResourceExhaustedError, UnavailableError
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.placement.recommend import (
    Change,
    LimitJournal,
    Steerer,
    Steering,
    follow,
    journal,
    undo,
)
from omnicloud.testing import LoopClock, run_virtual

IDLE = ("sleep", "3600")
BUSY = ("sh", "-c", "while true; do :; done")
RULES = Steering(capacity=1.0, interval=1.0, past=10.0)


class Engine(MemoryContainers):
    """One that can be out of reach."""

    cut = False

    async def sample(self, op: Sample, /) -> Stats:
        if self.cut:
            raise UnavailableError("the engine cannot be reached")
        return await super().sample(op)


def scene(play: Callable[[Containers, LoopClock, Engine], Awaitable[object]]) -> None:
    clock = LoopClock()

    async def main() -> None:
        engine = Engine(MemoryStore(clock), "c")
        containers = Containers(Pipeline(engine), clock)
        for name, command in (("idle", IDLE), ("busy", BUSY)):
            await containers.run(ContainerSpec(name=name, command=command, cpu=0.3))
        try:
            await play(containers, clock, engine)
        finally:
            await containers.aclose()

    run_virtual(main())


async def limits(containers: Containers) -> dict[str, float | None]:
    return {one.name: one.resources.cpu for one in await containers.list()}


def after(seconds: float) -> asyncio.Event:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    return stop


async def killed(containers: Containers, clock: LoopClock, notes: LimitJournal) -> None:
    """Steer for a while and restore nothing."""
    steerer = Steerer(containers, RULES, clock, notes)
    await steerer.begin(["idle", "busy"])
    for _ in range(20):
        await steerer.step()
        await clock.sleep(1.0)


def test_limits_follow_until_stopped_and_are_given_back(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers, clock: LoopClock, _: Engine) -> None:
        async with LimitJournal(file, "web") as notes:
            run = asyncio.create_task(follow(containers, RULES, notes, after(40), clock=clock))
            await clock.sleep(30)
            assert (await limits(containers))["busy"] == 1.0
            assert {one.container for one in notes.unsettled} == {"idle", "busy"}
            done = await run
            assert (notes.unsettled, done.undone) == ((), ())
        assert done.changes >= 2
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3}

    scene(play)


def test_limits_of_a_killed_run_are_taken_back_by_the_next_one(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers, clock: LoopClock, _: Engine) -> None:
        async with LimitJournal(file, "web") as notes:
            await killed(containers, clock, notes)
        assert (await limits(containers))["busy"] == 1.0
        async with LimitJournal(file, "web") as notes:
            assert len(await undo(containers, notes)) == 2
            assert notes.unsettled == ()
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3}

    scene(play)


def test_a_run_that_was_killed_between_note_and_change_is_taken_back_too(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers, clock: LoopClock, _: Engine) -> None:
        async with LimitJournal(file, "web") as notes:
            await killed(containers, clock, notes)
            (one,) = (it for it in notes.unsettled if it.container == "idle")
            await notes.note(Change("idle", one.id, 0.3, 0.77))  # and then it was killed
        async with LimitJournal(file, "web") as notes:
            await undo(containers, notes)
        assert (await limits(containers))["idle"] == 0.3

    scene(play)


def test_a_run_that_goes_on_gives_back_what_was_there_before_the_killed_one(
    tmp_path: Path,
) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers, clock: LoopClock, _: Engine) -> None:
        async with LimitJournal(file, "web") as notes:
            await killed(containers, clock, notes)
        async with LimitJournal(file, "web") as notes:
            await follow(containers, RULES, notes, after(5), clock=clock)
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3}

    scene(play)


def test_containers_that_begin_are_taken_in_and_those_that_ended_get_theirs_when_they_run(
    tmp_path: Path,
) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers, clock: LoopClock, _: Engine) -> None:
        async with LimitJournal(file, "web") as notes:
            run = asyncio.create_task(follow(containers, RULES, notes, after(60), clock=clock))
            await clock.sleep(20)
            await containers.run(ContainerSpec(name="late", command=BUSY, cpu=0.2))
            await containers.pipeline.send(Stop("idle", grace=0))
            await clock.sleep(20)
            assert (await limits(containers))["late"] != 0.2
            done = await run
            assert [one.workload for one in done.undone] == ["idle"]
            assert "try again" in done.undone[0].reason
            await containers.pipeline.send(Start("idle"))
            await undo(containers, notes)
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3, "late": 0.2}

    scene(play)


def test_an_engine_out_of_reach_is_asked_again_for_a_minute_and_no_longer(tmp_path: Path) -> None:
    async def play(containers: Containers, clock: LoopClock, engine: Engine) -> None:
        async with LimitJournal(tmp_path / "limits.jsonl", "web") as notes:
            run = asyncio.create_task(follow(containers, RULES, notes, after(90), clock=clock))
            await clock.sleep(20)
            engine.cut = True
            await clock.sleep(30)
            engine.cut = False
            done = await run
            assert 25 <= done.failed <= 31
            engine.cut = True
            with pytest.raises(UnavailableError):
                await follow(containers, RULES, notes, after(600), clock=clock)
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3}

    scene(play)


def test_limits_that_cannot_be_given_back_stay_in_the_journal(tmp_path: Path) -> None:
    class NoWayBack(Engine):
        async def update(self, op: Update, /) -> Container:
            if op.cpu == 0.3:
                raise UnavailableError("the engine cannot be reached")
            return await super().update(op)

    clock = LoopClock()

    async def main() -> None:
        containers = Containers(Pipeline(NoWayBack(MemoryStore(clock), "c")), clock)
        await containers.run(ContainerSpec(name="busy", command=BUSY, cpu=0.3))
        async with LimitJournal(tmp_path / "limits.jsonl", "web") as notes:
            done = await follow(containers, RULES, notes, after(20), clock=clock)
            assert "try again" in done.undone[0].reason
            assert [one.before for one in notes.unsettled] == [0.3]
        await containers.aclose()

    run_virtual(main())


def test_a_full_journal_is_written_anew_with_what_is_unsettled_and_stays_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST_LINES", 12)
    file = tmp_path / "limits.jsonl"

    async def play(*_: object) -> None:
        async with LimitJournal(file, "web") as notes:
            for number in range(40):
                await notes.note(Change("a", "1", 0.8, 0.1 + number / 100))
                notes.made("a")
                await notes.note(Change("b", "2", 0.5, 0.2))
                await notes.settle("b")
                assert len(file.read_text().splitlines()) <= 12
            with pytest.raises(ConfigurationError, match="another run"):
                await LimitJournal(file, "web").__aenter__()
        async with LimitJournal(file, "web") as notes:
            (one,) = notes.unsettled
            assert (one.container, one.before, one.after) == ("a", 0.8, pytest.approx(0.49))

    scene(play)


def test_a_journal_without_room_ends_it_and_all_limits_are_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST_LINES", 4)

    async def play(containers: Containers, clock: LoopClock, _: Engine) -> None:
        async with LimitJournal(tmp_path / "limits.jsonl", "web") as notes:
            with pytest.raises(ResourceExhaustedError, match="4 are its bound"):
                await follow(containers, RULES, notes, after(60), clock=clock)
            assert notes.unsettled == ()
        assert await limits(containers) == {"idle": 0.3, "busy": 0.3}

    scene(play)


def test_the_command_follows_for_so_long_and_tells_what_it_did(tmp_path: Path) -> None:
    config = tmp_path / "omnicloud.toml"
    config.write_text('[services.web]\ncontract = "containers"\nprovider = "memory"\n')
    notes = str(tmp_path / "limits.jsonl")
    run = ["--config", str(config), "recommend", "--service", "web", "--journal", notes]
    done = CliRunner().invoke(cli, [*run, "--follow", "2", "--for", "0.3", "--step", "0.1"])
    assert done.exit_code == 0, done.output
    assert "0 limits changed and given back" in done.output
    for wrong in (
        ["--follow", "0"],
        ["--follow", "1", "--apply", "5"],
        ["--follow", "1", "--undo"],
    ):
        assert CliRunner().invoke(cli, [*run, *wrong]).exit_code == 2
