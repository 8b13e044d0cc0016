"""Laws of figures that a spec or a request gives, and of what is told of each container."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainersFeature,
    EventKind,
    Health,
    HealthCheck,
    Stream,
)
from omnicloud.contracts.containers.driver import Events
from omnicloud_tck.check import equal, eventually, that
from omnicloud_tck.containers.bench import IDLE, PATIENCE, Bench, sh, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["FigureLaws"]

_F = ContainersFeature
_K = EventKind
_WELL, _ILL, _SLOW = ("true",), ("false",), ("sleep", "2")
_CHECKS = {
    "usual": HealthCheck(command=_WELL),
    "rare": HealthCheck(command=_WELL, interval=90.0),
    "slow": HealthCheck(command=_SLOW, interval=1.0, timeout=10.0, retries=1),
    "patient": HealthCheck(command=_ILL, interval=1.0, timeout=1.0, retries=8),
}
_SEEN = (
    (6.5, {"usual": Health.STARTING, "patient": Health.STARTING, "slow": Health.HEALTHY}),
    (12.5, {"usual": Health.STARTING, "patient": Health.UNHEALTHY, "slow": Health.HEALTHY}),
    (28.0, {"usual": Health.STARTING, "rare": Health.STARTING}),
    (33.0, {"usual": Health.HEALTHY, "rare": Health.STARTING, "slow": Health.HEALTHY}),
    (85.0, {"rare": Health.STARTING}),
    (95.0, {"usual": Health.HEALTHY, "rare": Health.HEALTHY, "patient": Health.UNHEALTHY}),
)
_LATE = {"usual": 30.0, "rare": 90.0}
"""Seconds before their first check, which are too many where time is real."""
_LONG_SECONDS, _REAL_SECONDS = 100.0, 6.0
_TURNS, _PART = 700, "0123456789" * 20  # of a line that is longer than what an engine reads at once
_AFTER = 2.0  # seconds between what happens and the look at its stamp
_LABELS = {"app": "web", "Zone": "", "a.b": "c=d"}


class FigureLaws(Bench):
    """Figures are heeded as they are given, and told as they are."""

    @law(
        "CON-164",
        "A further command may take as long as it was given.",
        needs=[_F.EXEC],
        patience=600.0,
    )
    async def commands_have_their_time(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("host"))
        seconds = _LONG_SECONDS if world.virtual else _REAL_SECONDS
        given = 1.2 * seconds if world.virtual else seconds + PATIENCE
        long = sh(f"sleep {seconds}; echo done; exit 3")
        said = await containers.exec("host", long, timeout=given)
        equal((3, b"done\n"), (said.exit_code, said.stdout), "the end of a long command")

    @law(
        "CON-165",
        "Checks keep to their interval, timeout and retries, and a verdict is told once.",
        needs=[_F.HEALTH],
        patience=600.0,
    )
    async def checks_keep_to_their_figures(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        # Where time is real an engine may have forgotten by then what it told first.
        events = world.virtual and _F.EVENTS in (await world.driver()).features
        cursor = (await watcher.send(Events())).cursor if events else ""
        began = world.clock.monotonic()
        for name, check in _CHECKS.items():
            await containers.run(spec(name, "sleep 1000", health=check))
        if not world.virtual:
            await self._some_verdicts(world, containers, began)
        for moment, expected in _SEEN if world.virtual else ():
            await world.sleep(began + moment - world.clock.monotonic())
            for name, health in expected.items():
                found = await self.alive(containers, name, name)
                equal(health, found.health, f"{name} after {moment} s")
        told = await self.told(watcher, cursor, 2 * len(_CHECKS)) if events else []
        for name in _CHECKS if events else ():
            verdict = _K.UNHEALTHY if name == "patient" else _K.HEALTHY
            kinds = [event.kind for event in told if event.name == name]
            equal([_K.STARTED, verdict], kinds, f"what was told of {name}")

    async def _some_verdicts(self, world: World[Any], containers: Containers, began: float) -> None:
        """Those of the first seconds: they may be late where time is real, but not early."""

        async def healths() -> dict[str, Health]:
            return {name: (await self.alive(containers, name, name)).health for name in _CHECKS}

        async def decided() -> bool:
            found = await healths()
            passed = world.clock.monotonic() - began
            for name, first in _LATE.items() if passed < min(_LATE.values()) else ():
                equal(Health.STARTING, found[name], f"{name} after {passed:.1f} of {first} s")
            if passed < _CHECKS["patient"].retries:
                equal(Health.STARTING, found["patient"], f"patient after {passed:.1f} s")
            that(found["slow"] is not Health.UNHEALTHY, "slow is unhealthy")
            return found["slow"] is Health.HEALTHY and found["patient"] is Health.UNHEALTHY

        await eventually(decided, world.sleep, 2 * PATIENCE, "slow healthy, patient unhealthy")

    @law("CON-166", "A line is whole on either stream, however long.")
    async def long_lines_are_whole(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        loops = [
            f"for i in $(seq 1 {_TURNS}); do printf {_PART}{to}; done; echo {word}{to}"
            for word, to in (("out", ""), ("err", " >&2"))
        ]
        await containers.run(spec("long", "; ".join(loops)))
        await self.ended(containers, "long")
        lines = await self.lines(containers, "long")
        for stream, word in ((Stream.STDOUT, "out"), (Stream.STDERR, "err")):
            told = [line.data for line in lines if line.stream is stream]
            equal([len(_PART) * _TURNS + 3], [len(data) for data in told], f"{word}: lengths")
            that(told[0] == f"{_PART * _TURNS}{word}".encode(), f"{word}: another line")

    @law(
        "CON-167",
        "The stamps of lines, events and starts are of when it happened, not of when one asks.",
        rung=Rung.SEMANTICS,
    )
    async def stamps_are_of_their_moments(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        events = _F.EVENTS in (await world.driver()).features
        cursor = (await watcher.send(Events())).cursor if events else ""
        before = world.clock.wall()
        await containers.run(spec("short", "echo said; exit 3"))
        await self.ended(containers, "short")
        after = world.clock.wall()
        await world.sleep(_AFTER)
        found = await self.ended(containers, "short")
        stamps = {"its start": found.started_at}
        stamps |= {
            f"the line {line.text}": line.at for line in await self.lines(containers, "short")
        }
        told = await self.told(watcher, cursor, 2) if events else []
        stamps |= {f"the event {event.kind.value}": event.at for event in told}
        for what, at in stamps.items():
            off = max(before - at, at - after)
            that(off < _AFTER / 2, f"{what} is stamped {off:.2f} s off")

    @law("CON-168", "Every answer about a container has its name, its id and its labels.")
    async def answers_name_it(self, world: World[Any]) -> None:
        features = (await world.driver()).features
        for tenant in (None, "acme"):
            containers = Containers(await world.pipeline(Scoping(tenant)), world.clock)
            made = await containers.run(spec("named", IDLE, labels=_LABELS))
            answers = [made, await containers.get("named"), *await containers.list("na")]
            answers += [await containers.start("named"), await containers.wait("named", timeout=0)]
            if _F.PAUSE in features:
                answers += [await containers.pause("named"), await containers.unpause("named")]
            if _F.CPU in features:
                answers += [await containers.update("named", cpu=0.5)]
            answers += [await containers.restart("named", grace=PATIENCE)]
            answers += [await containers.stop("named", grace=PATIENCE)]
            for number, answer in enumerate(answers):
                about = f"answer {number + 1} to tenant {tenant}"
                equal(("named", made.id, _LABELS), _naming(answer), about)
            await containers.remove("named")


def _naming(found: Container | None) -> tuple[str, str, dict[str, str]] | None:
    return None if found is None else (found.name, found.id, dict(found.labels))
