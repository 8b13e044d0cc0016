"""Laws of what is done to a container while it runs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from omnicloud.contracts.containers import ContainersFeature, Health, HealthCheck, State
from omnicloud.errors import ConflictError, DeadlineExceededError, InvalidArgumentError
from omnicloud_tck.check import equal, eventually, refused, that
from omnicloud_tck.containers.bench import BUSY, PATIENCE, POLITE, Bench, sh, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["RunningLaws"]

_F = ContainersFeature
_MIB = 1 << 20
_TICKS = "echo ready; while true; do echo tick; sleep 0.05; done"


class RunningLaws(Bench):
    """Exec, stats, limits, pause, health."""

    @law(
        "CON-030",
        "A further command has its own exit code and output, and the container goes on.",
        needs=[_F.EXEC],
    )
    async def exec_answers_its_own(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("host", env={"GREETING": "hello you"}))
        for code in (0, 1, 42):
            said = await containers.exec("host", sh(f"echo out; echo err >&2; exit {code}"))
            equal(
                (code, b"out\n", b"err\n", False),
                (said.exit_code, said.stdout, said.stderr, said.truncated),
                "exit code and output",
            )
        said = await containers.exec("host", sh('echo "$GREETING"'))
        equal(b"hello you\n", said.stdout, "the container's environment")
        said = await containers.exec("host", ("echo", "a  b", "$HOME"))
        equal(b"a  b $HOME\n", said.stdout, "the arguments of a command")
        equal(["ready"], await self.texts(containers, "host"), "the container's own logs")
        await self.alive(containers, "host", "after further commands")

    @law(
        "CON-031",
        "A further command is refused where the container does not run or has no such program.",
        needs=[_F.EXEC],
    )
    async def exec_needs_a_running_container(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("host"))
        with refused(InvalidArgumentError, "a program that is not there"):
            await containers.exec("host", ("no-such-program-anywhere",))
        await containers.stop("host", grace=5)
        with refused(ConflictError, "exec in what has ended"):
            await containers.exec("host", sh("exit 0"))
        equal(State.EXITED, (await self.ended(containers, "host")).state, "after it")

    @law("CON-032", "A further command that does not end is given up in time.", needs=[_F.EXEC])
    async def exec_is_bounded(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("host"))
        before = world.clock.monotonic()
        with refused(DeadlineExceededError, "a command that goes on"):
            await containers.exec("host", sh("while true; do sleep 0.1; done"), timeout=0.8)
        passed = world.clock.monotonic() - before
        that(0.6 <= passed < 8, f"it was given up after {passed:.1f} s instead of 0.8 s")
        await self.alive(containers, "host", "after it")

    @law(
        "CON-035",
        "Processor time never falls, grows with work and by no more than there are processors.",
        needs=[_F.STATS],
    )
    async def stats_are_sane(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("busy", BUSY))
        await self.begun(containers, spec("idle"))
        samples = []
        async for sample in containers.stats("busy", interval=0.4):
            samples.append(sample)
            if len(samples) == 5:
                break
        used = [sample.cpu_seconds for sample in samples]
        that(used == sorted(used), f"processor time falls: {used}")
        span = samples[-1].at - samples[0].at
        least = (0.1 if world.virtual else 0.02) * span  # a busy machine gives it little
        that(used[-1] - used[0] > least, f"{used[-1] - used[0]:.2f} s of work in {span:.1f} s")
        that(used[-1] - used[0] < 1.3 * span + 0.3, "one program used more than one processor")
        that(all(0 < one.memory_bytes < 1 << 34 for one in samples), "no sane memory")
        await self._throttling_is_declared(world, samples)
        (idle,) = [one async for one in _first(containers.stats("idle"))]
        that(idle.cpu_seconds < used[-1], "idleness uses as much as work")
        await containers.stop("idle", grace=5)
        equal([], [one async for one in containers.stats("idle")], "stats of what has ended")

    @law("CON-040", "Limits given at the start are the kernel's.", needs=[_F.CPU, _F.MEMORY])
    async def limits_are_set(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        limited = spec("limited", cpu=0.5, memory_bytes=64 * _MIB)
        await self.begun(containers, limited)
        await self.begun(containers, spec("free"))
        found = await self.alive(containers, "limited", "it")
        equal((0.5, 64 * _MIB), (found.resources.cpu, found.resources.memory_bytes), "limits")
        free = await self.alive(containers, "free", "the other")
        equal((None, None), (free.resources.cpu, free.resources.memory_bytes), "no limits")

    @law(
        "CON-041",
        "Limits change while a container runs, each for itself, and are read back.",
        needs=[_F.CPU, _F.MEMORY],
    )
    async def limits_change_in_place(self, world: World[Any]) -> None:
        containers, other = await self.portable(world), await self.portable(world)
        made = await self.begun(containers, spec("sized", cpu=0.5, memory_bytes=64 * _MIB))
        await self.begun(containers, spec("beside", cpu=0.5, memory_bytes=64 * _MIB))
        for cpu, memory, expected in (
            (0.25, None, (0.25, 64 * _MIB)),
            (None, 96 * _MIB, (0.25, 96 * _MIB)),
            (1.5, 32 * _MIB, (1.5, 32 * _MIB)),
        ):
            told = await containers.update("sized", cpu=cpu, memory_bytes=memory)
            equal(expected, (told.resources.cpu, told.resources.memory_bytes), "the answer")
            found = await self.alive(other, "sized", "what was changed")
            equal(expected, (found.resources.cpu, found.resources.memory_bytes), "read back")
            equal((made.id, made.started_at), (found.id, found.started_at), "the same run")
        beside = await self.alive(other, "beside", "the neighbour")
        equal((0.5, 64 * _MIB), (beside.resources.cpu, beside.resources.memory_bytes), "its own")
        await containers.stop("sized", grace=5)
        with refused(ConflictError, "update of what has ended"):
            await containers.update("sized", cpu=0.5)

    @law(
        "CON-042",
        "A processor limit holds work back, also one set while it runs.",
        needs=[_F.CPU, _F.STATS],
    )
    async def processor_limits_hold(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("held", BUSY, cpu=0.2))
        share = await self._share(containers, world)
        that(share < 0.32, f"a limit of 0.2 processors let {share:.2f} be used")
        await containers.update("held", cpu=0.05)
        share = await self._share(containers, world)
        that(share < 0.15, f"a limit of 0.05 processors let {share:.2f} be used")

    @law(
        "CON-043",
        "Throttling is told of what its processor limit holds back, and never falls.",
        needs=[_F.CPU, _F.STATS, _F.THROTTLING],
    )
    async def throttling_is_told(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("held", BUSY, cpu=0.5))
        await self.begun(containers, spec("free"))
        await containers.update("held", cpu=0.02)
        held: list[Any] = []
        async for one in containers.stats("held", interval=0.5):
            held.append(one)
            if _throttled(held[0], one) >= 6 or len(held) == 40:
                break
        for name in ("periods", "throttled_periods", "throttled_seconds"):
            told = [getattr(one, name) for one in held]
            that(told == sorted(told), f"{name} falls: {told}")
        periods, span = _throttled(held[0], held[-1]), held[-1].at - held[0].at
        that(periods >= 6, f"{periods} throttled periods of 0.1 s in {span:.1f} s")
        that(held[-1].throttled_periods <= held[-1].periods, "more periods throttled than all")
        # Nearly all of each, unless the machine is busy: then its share is gone late.
        waited = held[-1].throttled_seconds - held[0].throttled_seconds
        enough = waited > 0.002 * periods
        that(enough, f"it waited {waited:.4f} s in {periods} throttled periods")
        for early, late in pairwise(held):
            span, waited = late.at - early.at, late.throttled_seconds - early.throttled_seconds
            that(waited < 1.3 * span + 0.3, f"it waited {waited:.2f} s within {span:.1f} s")
        (free,) = [one async for one in _first(containers.stats("free"))]
        equal((0, 0.0), (free.throttled_periods, free.throttled_seconds), "without a limit")

    async def _throttling_is_declared(self, world: World[Any], samples: list[Any]) -> None:
        pipe: Any = await world.pipeline()
        declared = _F.THROTTLING in pipe.driver.features
        for one in samples:
            told = (one.periods, one.throttled_periods, one.throttled_seconds)
            that(all((field is not None) is declared for field in told), f"it tells {told}")

    async def _share(self, containers: Any, world: World[Any]) -> float:
        await world.sleep(0.3)
        first, last = [one async for one in _first(containers.stats("held", interval=2.0), 2)]
        share: float = (last.cpu_seconds - first.cpu_seconds) / (last.at - first.at)
        return share

    @law("CON-045", "A paused container does nothing, and goes on afterwards.", needs=[_F.PAUSE])
    async def pauses_hold(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("ticks", _TICKS))
        for _ in range(2):
            equal(State.PAUSED, (await containers.pause("ticks")).state, "after pause")
        await world.sleep(0.3)
        held = len(await self.texts(containers, "ticks"))
        await world.sleep(0.8)
        equal(held, len(await self.texts(containers, "ticks")), "its lines while paused")
        for _ in range(2):
            equal(State.RUNNING, (await containers.unpause("ticks")).state, "after unpause")

        async def more() -> bool:
            return len(await self.texts(containers, "ticks")) > held + 2

        await eventually(more, world.sleep, PATIENCE, "lines after the pause")

    @law(
        "CON-046",
        "A paused container is stopped like another; what has ended is not paused.",
        needs=[_F.PAUSE],
    )
    async def pauses_end(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("polite", POLITE))
        await containers.pause("polite")
        stopped = await containers.stop("polite", grace=10)
        equal((State.EXITED, 7), (stopped.state, stopped.exit_code), "stop of a paused one")
        with refused(ConflictError, "pause of what has ended"):
            await containers.pause("polite")
        with refused(ConflictError, "unpause of what has ended"):
            await containers.unpause("polite")
        await self.begun(containers, spec("forced", POLITE))
        await containers.pause("forced")
        equal(True, await containers.remove("forced", force=True), "remove of a paused one")

    @law(
        "CON-055",
        "Checks tell well from unwell, and that only after as many failures as were asked.",
        needs=[_F.HEALTH],
        rung=Rung.SEMANTICS,
    )
    async def health_is_told(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for name, script, retries in (
            ("well", "exit 0", 2),
            ("ill", "exit 1", 2),
            ("new", "exit 1", 1000),
        ):
            check = HealthCheck(command=sh(script), interval=0.5, timeout=5.0, retries=retries)
            await self.begun(containers, spec(name, health=check))
        await self.begun(containers, spec("plain"))
        for name, health in (("well", Health.HEALTHY), ("ill", Health.UNHEALTHY)):
            await eventually(
                lambda name=name, health=health: _has(containers, name, health),  # type: ignore[misc]  # bound now
                world.sleep,
                PATIENCE,
                f"{name} is {health.value}",
            )
        for name, health in (("new", Health.STARTING), ("plain", Health.UNKNOWN)):
            equal(health, (await self.alive(containers, name, name)).health, f"{name}'s health")
        await self.alive(containers, "ill", "an unwell container, which nothing ends")
        before = world.clock.monotonic()
        again = await containers.restart("well", grace=5)
        if world.clock.monotonic() - before < 0.5:  # its first check is not over
            equal(Health.STARTING, again.health, "the health of a run that is new")


def _throttled(early: Any, late: Any) -> int:
    periods: int = late.throttled_periods - early.throttled_periods
    return periods


async def _has(containers: Any, name: str, health: Health) -> bool:
    found = await containers.get(name)
    return found is not None and found.health is health


async def _first(stream: Any, count: int = 1) -> Any:
    async for one in stream:
        yield one
        count -= 1
        if not count:
            return
