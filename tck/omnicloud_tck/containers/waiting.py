"""Laws of containers that wait: for their restart, or to be told of while the engine is gone."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainersFeature,
    ContainerSpec,
    Event,
    EventKind,
    Port,
    RestartPolicy,
    RestartWhen,
    State,
)
from omnicloud.contracts.containers.driver import Events, Exec, Logs, Rest
from omnicloud.contracts.containers.models import EventPage, ExecResult, LogPage
from omnicloud.core.operation import Operation
from omnicloud.errors import DeadlineExceededError, UnavailableError
from omnicloud_tck.check import Broken, equal, that
from omnicloud_tck.containers.bench import PATIENCE, Bench, sh, spec
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.servers import free_port
from omnicloud_tck.world import World

__all__ = ["WaitingLaws"]

_F = ContainersFeature
_AT_ONCE = 2.0  # seconds, where time is virtual
_RESTARTS = 4  # after which the next wait is of more than a second
_FAILS = "echo up; exit 3"
_AGAIN = RestartPolicy(RestartWhen.ON_FAILURE)
_GONE = 1.0  # seconds of the outage
_LONG = 10.0  # seconds for which is waited
_SPEAKS = "echo ready; sleep 0.7; echo one; sleep 0.6; echo two; sleep 1; echo three; exit 4"
_SAID = ["one", "two", "three"]


class WaitingLaws(Bench):
    """What a hand does meanwhile, and what an outage does."""

    @law(
        "CON-198",
        "What waits for its restart is stopped, started and restarted by hand like another, at "
        "once and for good; who waits for its end is told, and others get what it had.",
    )
    async def hands_come_between(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("held", _FAILS, restart=_AGAIN))
        before = await self._waits(world, containers, "held")
        waiter = asyncio.ensure_future(containers.wait("held", timeout=PATIENCE))
        await world.sleep(0.05)
        begun = world.clock.monotonic()
        stopped = await containers.stop("held", grace=1)
        told = await waiter
        took = world.clock.monotonic() - begun
        for about, found in (("the stop", stopped), ("who waited for the end", told)):
            equal((State.EXITED, 3), (found.state, found.exit_code), f"what {about} is told")
        that(took < _AT_ONCE or not world.virtual, f"the end was told after {took:.1f} s")
        runs = len(await self.texts(containers, "held"))
        await world.sleep(5.0)
        await self._is_over(containers, "held", runs, before)
        started = await containers.start("held")
        that(started.restarts < _RESTARTS, f"{started.restarts} restarts after a start by hand")
        await self._waits(world, containers, "held")
        runs = len(await self.texts(containers, "held"))
        again = await containers.restart("held", grace=1)
        that(again.restarts < _RESTARTS, f"{again.restarts} restarts after a restart by hand")
        more = len(await self.texts(containers, "held")) - runs
        that(more > 0 or not world.virtual, "a restart by hand did not begin a run")
        await self._waits(world, containers, "held")
        await containers.stop("held", grace=1)
        equal(True, await containers.remove("held"), "remove after a stop in the wait")
        equal(None, await containers.get("held"), "what was removed")

    @law(
        "CON-199",
        "What was stopped in the wait for its restart keeps no port and no network from others.",
        needs=[_F.PORTS, _F.NETWORKS],
    )
    async def the_stopped_hold_nothing(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.create_network("net")
        port = Port(8080, free_port())
        more: dict[str, Any] = {"ports": (port,), "networks": ("net",)}
        await containers.run(spec("held", _FAILS, restart=_AGAIN, **more))
        await self._waits(world, containers, "held")
        stopped = await containers.stop("held", grace=1)
        equal((), stopped.ports, "the ports of what was stopped")
        made = await containers.run(spec("next", **more))
        equal((port,), made.ports, "the port, of the next")
        await containers.remove("next", force=True)
        equal(True, await containers.remove_network("net"), "remove of its network")

    @law(
        "CON-200",
        "Who waits while the engine goes is told of an error or of what is so, and from the same "
        "cursor of all that was said and happened, once.",
        needs=[_F.EVENTS, _F.EXEC],
        abilities=[Ability.OUTAGE],
        rung=Rung.RESILIENCE,
    )
    async def nothing_is_lost_in_an_outage(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("other"))
        pipe = containers.pipeline
        events = (await pipe.send(Events())).cursor
        await containers.run(spec("brief", "sleep 0.5; exit 6"))
        made = await self.begun(containers, _spoken())
        first = await pipe.send(Logs("said", limit=1))
        told, events = await self._heard_of_starts(pipe, events)
        asked: tuple[Operation[Any, Any], ...] = (
            Logs("said", first.cursor, _LONG),
            Events("", events, _LONG),
            Rest("said", _LONG),
            Exec("other", sh("sleep 0.6; exit 5"), _LONG),
        )
        tasks = [asyncio.ensure_future(pipe.send(op)) for op in asked]
        await world.sleep(0.1)
        async with world.outage():
            await world.sleep(_GONE)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        for op, answer in zip(asked, answers, strict=True):
            _check(answer, f"{op.name} in an outage")
        await self._all_is_told(containers, (first, told, events), answers, made)

    async def _all_is_told(
        self,
        containers: Containers,
        before: tuple[LogPage, list[Event], str],
        answers: list[Any],
        made: Container,
    ) -> None:
        pipe, (lines, told, events) = containers.pipeline, before
        said, cursor, ended = [], lines.cursor, False
        if isinstance(answers[0], LogPage):
            said, cursor = [line.text for line in answers[0].lines], answers[0].cursor
        while not ended:
            page = await pipe.send(Logs("said", cursor, 1.0))
            said += [line.text for line in page.lines]
            cursor, ended = page.cursor, page.ended
        equal(_SAID, said, "lines since the cursor from before the outage")
        cursor = events
        if isinstance(answers[1], EventPage):
            told, cursor = [*told, *answers[1].events], answers[1].cursor
        told = [*told, *await self.told(pipe, cursor, 4 - len(told))]
        for name, code in (("brief", 6), ("said", 4)):
            kinds = [(one.kind, one.exit_code) for one in told if one.name == name]
            equal([(EventKind.STARTED, None), (EventKind.EXITED, code)], kinds, f"told of {name}")
        found = await self.ended(containers, "said")
        equal((made.id, 4, 0), (found.id, found.exit_code, found.restarts), "what has ended")

    async def _heard_of_starts(self, pipe: Any, cursor: str) -> tuple[list[Event], str]:
        """What is told up to both starts, and the cursor behind it."""
        told: list[Event] = []
        while len({one.name for one in told}) < 2:
            page = await pipe.send(Events("", cursor, _LONG))
            told, cursor = told + list(page.events), page.cursor
        return told, cursor

    async def _waits(self, world: World[Any], containers: Containers, name: str) -> Container:
        """How it stands in a long wait for its restart."""
        for _ in range(int(PATIENCE / 0.1)):
            found = await containers.get(name)
            if found and found.state is State.RESTARTING and found.restarts >= _RESTARTS:
                return found
            await world.sleep(0.1)
        raise Broken(f"{name} was not restarted {_RESTARTS} times, to wait for another")

    async def _is_over(
        self, containers: Containers, name: str, runs: int, before: Container
    ) -> None:
        found = await self.ended(containers, name)
        equal(before.started_at, found.started_at, "its last start, a while after the stop")
        equal(runs, len(await self.texts(containers, name)), "its runs, a while after the stop")


def _spoken() -> ContainerSpec:
    return spec("said", _SPEAKS)


def _check(answer: object, about: str) -> None:
    match answer:
        case BaseException():
            known = isinstance(answer, UnavailableError | DeadlineExceededError)
            that(known, f"{about} is told as {type(answer).__name__}")
        case Container():
            stands = answer.state, answer.exit_code
            equal((State.EXITED, 4), stands, f"{about}: how it stands at its end")
        case ExecResult():
            equal(5, answer.exit_code, f"{about}: the exit code")
