"""Plays a program on a world: every client in a task of its own, every call recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.histories.events import Fate
from omnicloud_tck.histories.programs import Lane, Program
from omnicloud_tck.histories.recorder import Recorder
from omnicloud_tck.histories.subjects import Client, Finding, Session, Subject
from omnicloud_tck.world import World

__all__ = ["played"]

_OUTAGE_SECONDS = 0.05
_BREATH_SECONDS = 0.01  # after a call that failed, before the client goes on
_CLOSE_SECONDS = 10.0


async def played(
    subject: Subject, world: World[Any], program: Program, space: str
) -> Finding | None:
    """Play a program with new clients and judge its history.

    Raises:
        Undecided: It could not be judged.
    """
    recorder = Recorder(world.clock)
    game = _Game(subject, world, program, space, recorder)
    try:
        await game.play()
    finally:
        await game.close()
    if recorder.complaints:
        first = recorder.complaints[0]
        return Finding(f"{first.why}: {first.call}", recorder.until(first.over))
    return subject.judge(recorder.calls)


class _Game:
    def __init__(
        self,
        subject: Subject,
        world: World[Any],
        program: Program,
        space: str,
        recorder: Recorder,
    ) -> None:
        self._subject, self._world, self._program = subject, world, program
        self._space, self._recorder = space, recorder
        self._pipelines: list[Pipeline[Any]] = []
        self._sessions: list[Session] = []

    async def play(self) -> None:
        await self._open()
        await self._subject.prepare(self._sessions)
        middle = self._program.restart
        if middle is None:
            await self._lanes(self._program.lanes)
        else:
            await self._lanes([lane[:middle] for lane in self._program.lanes])
            await self.close()
            await self._world.restart()
            await self._open()
            await self._lanes([lane[middle:] for lane in self._program.lanes])
        await self._subject.finish(self._sessions, self._recorder)

    async def close(self) -> None:
        """Close the clients; those that cannot be are left to the world."""
        pipelines, self._pipelines, self._sessions = self._pipelines, [], []
        for pipeline in pipelines:
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await pipeline.aclose()
            except Exception:  # noqa: S112 - how clients close is for other laws
                continue

    async def _open(self) -> None:
        for number in range(len(self._program.lanes)):
            alone = number > 1 and number + 1 == len(self._program.lanes)
            if alone or not (self._program.shared and self._pipelines):
                self._pipelines.append(await self._world.pipeline())
            client = Client(self._pipelines[-1], self._world.clock, self._space, "ABCDEFGH"[number])
            self._sessions.append(self._subject.open(client))

    async def _lanes(self, lanes: Sequence[Lane]) -> None:
        async with asyncio.TaskGroup() as weather:
            trouble = weather.create_task(self._trouble())
            async with asyncio.TaskGroup() as group:
                for client, lane in enumerate(lanes):
                    group.create_task(self._lane(client, lane))
            trouble.cancel()

    async def _lane(self, client: int, lane: Lane) -> None:
        session = self._sessions[client]
        for step in lane:
            for _ in range(step.turns):
                await asyncio.sleep(0)
            if step.seconds:
                await self._world.sleep(step.seconds)
            action = session.resolve(step.action)
            cancel = None if action.verb in self._subject.uncut else step.cancel
            call = await self._recorder.record(client, action, session.perform, cancel)
            if call.fate is not Fate.DONE:
                await self._world.sleep(_BREATH_SECONDS)
            if self._recorder.complaints:
                return

    async def _trouble(self) -> None:
        """Take the backend away for a moment, once so many calls have begun."""
        after = self._program.outage
        if after is None:
            return
        due = asyncio.Event()

        def began() -> None:
            if len(self._recorder.calls) > after:
                due.set()

        self._recorder.began = began
        await due.wait()
        async with self._world.outage():
            await self._world.sleep(_OUTAGE_SECONDS)
