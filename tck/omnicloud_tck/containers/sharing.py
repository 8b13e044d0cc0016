"""Laws of what one client asks at once: each asker is answered whole, and waits for no other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from omnicloud.contracts.containers import Containers, ContainersFeature, EventKind, State, Stream
from omnicloud.contracts.containers.driver import Events, Logs
from omnicloud_tck.check import equal, that
from omnicloud_tck.containers.bench import IDLE, PATIENCE, Bench, sh, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["SharingLaws"]

_F = ContainersFeature
_NAMES = ("one", "two")
_COUNT = 30
_SAY = f"for i in $(seq 1 {_COUNT}); do echo $NAME-$i; echo $NAME-e$i >&2; sleep 0.05; done"


class SharingLaws(Bench):
    """Streams are no queues: what one is told another is told as well."""

    @law(
        "CON-194",
        "Of those who follow logs through one client each is told every line, also who begins "
        "late or follows again, beside one that gave up and pages that are read meanwhile.",
        rung=Rung.CONCURRENCY,
    )
    async def followers_share_nothing(self, world: World[Any]) -> None:
        containers, other = await self.portable(world), await self.portable(world)
        for name in _NAMES:
            await containers.run(spec(name, _SAY, env={"NAME": name}))
        who = [(one, name) for one in (containers, containers, other) for name in _NAMES]
        tasks = [asyncio.ensure_future(_followed(one, name)) for one, name in who]
        leaving = asyncio.ensure_future(_followed(containers, "one"))
        paging = asyncio.ensure_future(_paged(containers, "one"))
        await world.sleep(0.4)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        tasks.append(asyncio.ensure_future(_followed(containers, "one")))
        async with asyncio.timeout(3 * PATIENCE):
            told = await asyncio.gather(*tasks, paging)
        for (_, name), lines in zip([*who, *[(containers, "one")] * 2], told, strict=True):
            _all_of(name, lines, f"what one of {len(told)} that follow was told")
        for name in _NAMES:
            _all_of(name, await self.texts(containers, name), "what is read after the end")
            _all_of(name, await _paged(containers, name), "what is waited for after the end")
        await containers.remove("one")
        await containers.run(spec("one", "echo anew; exit 0"))
        async with asyncio.timeout(PATIENCE):
            told = [await read(containers, "one") for read in (_paged, _followed, _paged)]
        equal([["anew"]] * 3, told, "what a new container of the name said")

    @law(
        "CON-195",
        "Those who follow, watch, wait and run commands through one client keep none waiting, and "
        "each is told all; one that gives up takes nothing from the others.",
        needs=[_F.EXEC, _F.EVENTS],
        rung=Rung.CONCURRENCY,
    )
    async def askers_share_nothing(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        pipe = containers.pipeline
        cursor = (await pipe.send(Events())).cursor
        await self.begun(containers, spec("host"))
        await self.begun(containers, spec("lasting"))
        command = _begun(containers.exec("host", sh(IDLE), timeout=600))
        asked, leaving, late = (
            [_begun(ask) for ask in self._asks(containers, cursor)] for _ in range(3)
        )
        await world.sleep(0.3)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        async with asyncio.timeout(3 * PATIENCE):
            said = await containers.exec("host", sh("echo done"))
            await containers.stop("lasting", grace=PATIENCE)
            answers = await asyncio.gather(*asked, *late)
        that(not command.done(), "a further command is answered before its end")
        command.cancel()
        await asyncio.gather(command, return_exceptions=True)
        equal((0, b"done\n"), (said.exit_code, said.stdout), "a command beside all this")
        for at in range(0, len(answers), 3):
            lines, kinds, found = answers[at : at + 3]
            equal(["ready"], lines, "what one of two that follow was told")
            equal([EventKind.STARTED, EventKind.EXITED], kinds, "what one of two watchers was told")
            equal((State.EXITED, 0), (found.state, found.exit_code), "what one of two waited for")

    def _asks(self, containers: Containers, cursor: str) -> list[Coroutine[Any, Any, Any]]:
        return [
            _followed(containers, "lasting"),
            _watched(containers, "lasting", cursor),
            containers.wait("lasting", timeout=2 * PATIENCE),
        ]


def _begun(ask: Any) -> asyncio.Future[Any]:
    task: asyncio.Future[Any] = asyncio.ensure_future(ask)
    return task


async def _followed(containers: Containers, name: str) -> list[str]:
    return [line.text async for line in containers.logs(name, follow=True)]


async def _paged(containers: Containers, name: str) -> list[str]:
    """All lines, page by page, of which each is asked for twice."""
    lines: list[str] = []
    cursor, ended = None, False
    while not ended:
        asks = [containers.pipeline.send(Logs(name, cursor, limit=7, wait=0.2)) for _ in range(2)]
        page, twin = await asyncio.gather(*asks)
        for stream in Stream:  # a moment later there may be more
            one, two = (
                [it.text for it in each.lines if it.stream is stream] for each in (page, twin)
            )
            common = min(len(one), len(two))
            equal(one[:common], two[:common], "one page, asked for twice at once")
        lines += [line.text for line in page.lines]
        cursor, ended = page.cursor, page.ended
    return lines


async def _watched(containers: Containers, name: str, cursor: str) -> list[EventKind]:
    """What was told of a container until it had ended."""
    kinds: list[EventKind] = []
    while EventKind.EXITED not in kinds:
        page = await containers.pipeline.send(Events(name, cursor, 5.0))
        kinds += [event.kind for event in page.events]
        cursor = page.cursor
    return kinds


def _all_of(name: str, lines: list[str], about: str) -> None:
    """Break the law unless these are all lines, those of each stream in order."""
    for mark in ("", "e"):
        expected = [f"{name}-{mark}{number}" for number in range(1, _COUNT + 1)]
        own = [line for line in lines if line in set(expected)]
        equal(expected, own, f"{about} of {name}")
    twice = [line for line, count in Counter(lines).items() if count > 1]
    equal((2 * _COUNT, []), (len(lines), twice), f"{about} of {name}")
