"""Limits that a killed run left behind are found again, and taken back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.containers import Container, Containers, ContainerSpec
from omnicloud.contracts.containers.driver import Update
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ConfigurationError,
    CorruptedError,
    ResourceExhaustedError,
    UnavailableError,
)
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.placement.recommend import Advice, Change, LimitJournal, apply, journal, undo
from omnicloud.testing import LoopClock, run_virtual

IDLE = ("sleep", "3600")


def advice(name: str, request: float, recommended: float) -> Advice:
    return Advice(name, request, 0.0, 0.0, recommended, 1.0, "asks too much")


def scene(
    play: Callable[[Containers], Awaitable[object]],
    kind: type[MemoryContainers] = MemoryContainers,
) -> None:
    clock = LoopClock()

    async def main() -> None:
        containers = Containers(Pipeline(kind(MemoryStore(clock), "c")), clock)
        for name in ("a", "b"):
            await containers.run(ContainerSpec(name=name, command=IDLE, cpu=0.8))
        try:
            await play(containers)
        finally:
            await containers.aclose()

    run_virtual(main())


async def limit(containers: Containers, name: str) -> float | None:
    found = await containers.get(name)
    assert found is not None
    return found.resources.cpu


async def left_behind(containers: Containers, file: Path) -> None:
    """Change both as a run does that is killed before it could settle anything."""
    async with LimitJournal(file, "web") as notes:
        for name in ("a", "b"):
            found = await containers.get(name)
            assert found is not None
            await notes.note(Change(name, found.id, 0.8, 0.123456789))
            await containers.update(name, cpu=0.12346)


def test_a_change_is_in_the_journal_while_it_is_tried_and_not_when_it_is_settled(
    tmp_path: Path,
) -> None:
    file = tmp_path / "deep" / "limits.jsonl"

    async def play(containers: Containers) -> None:
        async with LimitJournal(file, "web") as notes:
            task = asyncio.create_task(
                apply(containers, [advice("a", 0.8, 0.1)], watch=60, journal=notes)
            )
            await asyncio.sleep(5)
            (one,) = notes.unsettled
            assert (one.container, one.before, one.after) == ("a", 0.8, 0.1)
            await task
            assert notes.unsettled == ()
        async with LimitJournal(file, "web") as notes:
            assert notes.unsettled == ()
        assert len(file.read_text().splitlines()) == 1

    scene(play)


def test_what_a_killed_run_changed_is_taken_back_once(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers) -> None:
        await left_behind(containers, file)
        async with LimitJournal(file, "web") as notes:
            done = await undo(containers, notes)
        assert [(one.workload, one.after) for one in done] == [("a", 0.8), ("b", 0.8)]
        assert (await limit(containers, "a"), await limit(containers, "b")) == (0.8, 0.8)
        async with LimitJournal(file, "web") as notes:
            assert await undo(containers, notes) == ()

    scene(play)


def test_what_was_changed_or_made_anew_since_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers) -> None:
        await left_behind(containers, file)
        await containers.update("a", cpu=0.5)
        await containers.remove("b", force=True)
        await containers.run(ContainerSpec(name="b", command=IDLE, cpu=0.12346))
        async with LimitJournal(file, "web") as notes:
            changed, anew = await undo(containers, notes)
            assert notes.unsettled == ()
        assert "changed since, to 0.5" in changed.reason
        assert "gone" in anew.reason
        assert (await limit(containers, "a"), await limit(containers, "b")) == (0.5, 0.12346)

    scene(play)


def test_a_change_that_was_noted_and_never_made_leaves_the_limit(tmp_path: Path) -> None:
    async def play(containers: Containers) -> None:
        async with LimitJournal(tmp_path / "limits.jsonl", "web") as notes:
            found = await containers.get("a")
            assert found is not None
            await notes.note(Change("a", found.id, 0.8, 0.1))
            (one,) = await undo(containers, notes)
            assert (one.after, notes.unsettled) == (0.8, ())
        assert await limit(containers, "a") == 0.8

    scene(play)


def test_what_does_not_run_stays_in_the_journal_for_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers) -> None:
        await left_behind(containers, file)
        await containers.stop("a", grace=0)
        async with LimitJournal(file, "web") as notes:
            first, second = await undo(containers, notes)
            assert "not taken back, try again" in first.reason
            assert second.after == 0.8
        await containers.start("a")
        async with LimitJournal(file, "web") as notes:
            (again,) = await undo(containers, notes)
        assert again.after == 0.8
        assert await limit(containers, "a") == 0.8

    scene(play)


def test_a_limit_that_cannot_be_taken_back_is_said_and_stays_in_the_journal(
    tmp_path: Path,
) -> None:
    class OneUpdate(MemoryContainers):
        async def update(self, op: Update, /) -> Container:
            if op.cpu == 0.8:
                await super().update(op)
                raise UnavailableError("the engine cannot be reached")
            return await super().update(op)

    async def play(containers: Containers) -> None:
        busy = ("sh", "-c", "while true; do :; done")
        await containers.run(ContainerSpec(name="busy", command=busy, cpu=0.8))
        async with LimitJournal(tmp_path / "limits.jsonl", "web") as notes:
            (one,) = await apply(containers, [advice("busy", 0.8, 0.4)], watch=30, journal=notes)
            assert "may still have 0.4 cores instead of 0.8" in one.reason
            assert one.after == 0.4
            assert [change.container for change in notes.unsettled] == ["busy"]

    scene(play, OneUpdate)


def test_the_oldest_limit_of_changes_on_changes_is_kept(tmp_path: Path) -> None:
    async def play(containers: Containers) -> None:
        async with LimitJournal(tmp_path / "limits.jsonl", "web") as notes:
            await notes.note(Change("a", "1", 0.8, 0.4))
            await notes.note(Change("a", "1", 0.4, 0.2))
            assert notes.unsettled == (Change("a", "1", 0.8, 0.2, maybe=(0.4,)),)
            notes.made("a")
            assert notes.unsettled == (Change("a", "1", 0.8, 0.2),)
            await notes.note(Change("a", "2", 0.6, 0.3))
            assert notes.unsettled == (Change("a", "2", 0.6, 0.3),)

    scene(play)


def test_half_a_line_is_cut_off_and_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers) -> None:
        await left_behind(containers, file)
        with file.open("a") as stream:
            stream.write('{"changed": {"conta')
        async with LimitJournal(file, "web") as notes:
            assert [one.container for one in notes.unsettled] == ["a", "b"]
        for number, line in ((3, "noise"), (3, '{"changed": {"container": "a"}}'), (3, "[]")):
            other = tmp_path / "other.jsonl"
            other.write_text("\n".join([*file.read_text().splitlines()[:2], line, ""]))
            with pytest.raises(CorruptedError, match=f"line {number}"):
                await LimitJournal(other, "web").__aenter__()
        other.write_text('{"name": "something else"}\n')
        with pytest.raises(CorruptedError, match="line 1"):
            await LimitJournal(other, "web").__aenter__()
        assert json.loads(other.read_text()) == {"name": "something else"}

    scene(play)


def test_a_journal_is_of_one_service_and_of_one_run_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "limits.jsonl"

    async def play(containers: Containers) -> None:
        await left_behind(containers, file)
        with pytest.raises(ConfigurationError, match="of the service web"):
            await LimitJournal(file, "shop").__aenter__()
        async with LimitJournal(file, "web"):
            with pytest.raises(ConfigurationError, match="another run"):
                await LimitJournal(file, "web").__aenter__()

    scene(play)


def test_a_full_journal_changes_no_further_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST_LINES", 4)

    async def play(containers: Containers) -> None:
        wanted = [advice("a", 0.8, 0.1), advice("b", 0.8, 0.1)]
        async with LimitJournal(tmp_path / "limits.jsonl", "web") as notes:
            first, second = await apply(containers, wanted, watch=5, journal=notes)
            assert first.after == 0.1
            assert "4 are its bound" in second.reason
            await notes.note(Change("b", "1", 0.8, 0.1))  # what is settled makes room
            with pytest.raises(ResourceExhaustedError):
                await notes.note(Change("c", "1", 0.8, 0.1))
        assert await limit(containers, "b") == 0.8

    scene(play)


def test_the_library_s_own_folder_is_kept_out_of_git_where_the_journal_makes_it(
    tmp_path: Path,
) -> None:
    async def play(containers: Containers) -> None:
        for folder in (".omnicloud", "mine"):
            async with LimitJournal(tmp_path / folder / "limits.jsonl", "web"):
                pass
        assert (tmp_path / ".omnicloud" / ".gitignore").read_text() == "*\n"
        assert not (tmp_path / "mine" / ".gitignore").exists()

    scene(play)


def test_a_journal_that_is_not_open_changes_no_limit(tmp_path: Path) -> None:
    async def play(containers: Containers) -> None:
        notes = LimitJournal(tmp_path / "limits.jsonl", "web")
        (one,) = await apply(containers, [advice("a", 0.8, 0.1)], watch=5, journal=notes)
        assert "not open" in one.reason
        assert notes.unsettled == ()
        assert await limit(containers, "a") == 0.8

    scene(play)


def test_a_journal_that_cannot_be_written_is_told_before_anything_is_changed(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")

    async def play(containers: Containers) -> None:
        with pytest.raises(ConfigurationError, match="cannot be written"):
            await LimitJournal(tmp_path / "file" / "limits.jsonl", "web").__aenter__()

    scene(play)


def test_a_killed_run_leaves_limits_that_the_command_takes_back(tmp_path: Path) -> None:
    from omnicloud_process.supervise.cgroups import permitted

    if not permitted():
        pytest.skip("no limits can be set on this machine")
    (tmp_path / "omnicloud.toml").write_text(
        '[services.web]\ncontract = "containers"\nprovider = "process"\n'
        f'path = "{tmp_path / "kept"}"\n'
    )
    asyncio.run(_killed_and_undone(tmp_path))


_TRYING = """
import asyncio, sys
from pathlib import Path
from omnicloud.cloud import OmniCloud
from omnicloud.placement.recommend import Advice, LimitJournal, apply

async def main():
    wanted = Advice("idle", 0.8, 0.0, 0.0, 0.1, 1.0, "asks too much")
    notes = LimitJournal(Path(".omnicloud/limits-web.jsonl"), "web")
    async with OmniCloud(Path("omnicloud.toml")) as cloud, notes as journal:
        await apply(cloud.containers("web"), [wanted], watch=600, journal=journal)

asyncio.run(main())
"""
_UNDOING = "from omnicloud.cli import main; main()"


async def _killed_and_undone(folder: Path) -> None:
    async with OmniCloud(folder / "omnicloud.toml") as cloud:
        containers = cloud.containers("web")
        await containers.run(ContainerSpec(name="idle", command=IDLE, cpu=0.8))
        try:
            trying = await _python(folder, _TRYING)
            for _ in range(1200):  # as long as a starved machine needs to begin
                if await limit(containers, "idle") != 0.8 or trying.returncode is not None:
                    break
                await asyncio.sleep(0.1)
            assert trying.returncode is None, await trying.communicate()
            trying.kill()
            await trying.wait()
            assert await limit(containers, "idle") == 0.1
            undoing = await _python(folder, _UNDOING, "recommend", "--service", "web", "--undo")
            said, _ = await undoing.communicate()
            assert undoing.returncode == 0, said
            assert b"idle: 0.1 -> 0.8 cores, taken back" in said
            assert await limit(containers, "idle") == 0.8
        finally:
            await containers.remove("idle", force=True)


async def _python(folder: Path, program: str, *more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *more),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def test_limits_of_memory_are_noted_beside_those_of_processors(tmp_path: Path) -> None:
    both = Change("a", "1", 0.8, 0.4), Change("a", "1", 64e6, 32e6, of="memory")
    async with LimitJournal(tmp_path / "limits", "web") as notes:
        for one in both:
            await notes.note(one)
    async with LimitJournal(tmp_path / "limits", "web") as notes:
        assert notes.unsettled == both
        await notes.settle("a")
    async with LimitJournal(tmp_path / "limits", "web") as notes:
        assert notes.unsettled == both[1:]
