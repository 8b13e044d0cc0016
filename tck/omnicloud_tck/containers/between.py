"""Laws of containers that neither run nor have ended, and of what further commands write."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    Health,
    HealthCheck,
    RestartPolicy,
    RestartWhen,
    State,
)
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, eventually, refused, that
from omnicloud_tck.containers.bench import PATIENCE, Bench, sh, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import NotOffered, World

__all__ = ["BetweenLaws"]

_F = ContainersFeature
_LOOKS, _PAUSE = 12, 0.25
_LINE = b"0123456789" * 50 + b"\n"
_BEYOND = 1.1  # times as much as is kept
_RETRIES = 3
_COUNTING = (
    "n=0; [ -s checks ] && read n < checks; n=$((n + 1)); echo $n > checks; "
    "[ $((n % {turns})) = 0 ]"
)
"""All but one of so many checks in a row fail."""
_WELL = "wget -q -O - http://server:8080/f"


class BetweenLaws(Bench):
    """What is between two runs, and checks between two answers."""

    @law("CON-112", "A container that will be restarted has not ended: it is not just removed.")
    async def the_restarting_have_not_ended(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        policy = RestartPolicy(RestartWhen.ALWAYS)
        await one.run(spec("loops", "echo up; exit 1", restart=policy))
        made = await one.get("loops")
        for _ in range(_LOOKS):
            await world.sleep(_PAUSE)
            with refused(ConflictError, "removing what will be restarted"):
                await two.remove("loops")
            found = await two.wait("loops", timeout=0)
            equal(made and made.id, found.id, "the container, after it was not removed")
            that(found.state is not State.EXITED, "what will be restarted is told as ended")
        stopped = await two.stop("loops", grace=0)
        equal(State.EXITED, stopped.state, "the state of what was stopped between two runs")
        equal(True, await one.remove("loops"), "removing it then")

    @law(
        "CON-113",
        "So much of a further command's output is kept as the driver says, and a cut is told.",
        needs=[_F.EXEC],
    )
    async def output_is_whole_or_told(self, world: World[Any]) -> None:
        pipe: Any = await world.pipeline()
        most = pipe.driver.limits.exec_output_max_bytes
        containers = Containers(pipe, world.clock)
        await self.begun(containers, spec("host"))
        for size in (100_000, int(most * _BEYOND)):
            count = size // len(_LINE) + 1
            loop = f"for i in $(seq 1 {count}); do echo {_LINE.decode().strip()}; done"
            said = await containers.exec("host", sh(loop))
            whole = _LINE * count
            equal(len(whole) > most, said.truncated, f"whether {len(whole)} bytes are cut")
            that(said.stdout == whole[:most], f"of {len(whole)} bytes {len(said.stdout)} came")
            said = await containers.exec("host", sh(loop.replace("; done", " >&2; done")))
            equal(
                len(whole) > most, said.truncated, f"whether {len(whole)} bytes of errors are cut"
            )
            that(said.stderr == whole[:most], f"of {len(whole)} bytes {len(said.stderr)} came")

    @law(
        "CON-114",
        "Failed checks count in a row: one that goes well begins the count anew.",
        needs=[_F.HEALTH, _F.EXEC],
        rung=Rung.TRUST,
        patience=600.0,
    )
    async def failures_are_in_a_row(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        if not world.virtual:
            await self._counted_checks(world, containers)
            return
        lacking = {_F.NETWORKS, _F.PAUSE} - containers.pipeline.driver.features
        if lacking:  # simulated programs know no other way to fail now and then
            raise NotOffered(f"checks that fail now and then without {', '.join(sorted(lacking))}")
        await containers.create_network("n")
        serving = "echo hi > /srv/f; httpd -f -p 8080 -h /srv"
        await containers.run(spec("server", serving, networks=("n",)))
        check = HealthCheck(command=sh(_WELL), interval=1.0, timeout=1.0, retries=_RETRIES)
        await self.begun(containers, spec("checked", health=check, networks=("n",)))
        at = world.clock.monotonic() + 1.5  # between two checks
        for turn in range(2 * _RETRIES):
            await self._fails(containers, world, at, _RETRIES - 1)
            equal(Health.HEALTHY, await _health(containers), f"its health after turn {turn}")
            at += _RETRIES
        await self._fails(containers, world, at, _RETRIES)
        equal(Health.UNHEALTHY, await _health(containers), f"after {_RETRIES} failures in a row")
        await _until(world, at + _RETRIES + 1.0)
        equal(Health.HEALTHY, await _health(containers), "its health after it went well again")

    async def _counted_checks(self, world: World[Any], containers: Containers) -> None:
        """Let checks count themselves, so that it does not matter when they come."""
        for name, turns in (("well", _RETRIES), ("unwell", _RETRIES + 1)):
            script = _COUNTING.format(turns=turns)
            check = HealthCheck(command=sh(script), interval=0.2, timeout=20.0, retries=_RETRIES)
            await self.begun(containers, spec(name, health=check))
        seen: dict[str, set[Health]] = {"well": set(), "unwell": set()}

        async def counted() -> bool:
            counts = []
            for name, states in seen.items():
                found = await self.alive(containers, name, "it")
                states.add(found.health)
                said = await containers.exec(name, sh("echo 0; cat checks"))
                counts.append(int(said.stdout.split()[-1]))
            return min(counts) >= 3 * _RETRIES and Health.UNHEALTHY in seen["unwell"]

        await eventually(counted, world.sleep, 3 * PATIENCE, "nine checks, and one found unwell")
        that(Health.HEALTHY in seen["well"], "a check that goes well now and then says so never")
        said = f"unhealthy after {_RETRIES - 1} failures in a row"
        that(Health.UNHEALTHY not in seen["well"], said)

    async def _fails(
        self, containers: Containers, world: World[Any], at: float, checks: int
    ) -> None:
        """Let so many checks fail from a moment on."""
        await _until(world, at)
        await containers.pause("server")
        await _until(world, at + checks)
        await containers.get("checked")
        await containers.unpause("server")


async def _until(world: World[Any], at: float) -> None:
    await world.sleep(max(0.0, at - world.clock.monotonic()))


async def _health(containers: Containers) -> Health | None:
    found = await containers.get("checked")
    return None if found is None else found.health
