"""Laws of what is refused, what stays secret, and what an outage looks like."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    ContainerSpec,
    HealthCheck,
    Port,
    RestartPolicy,
    RestartWhen,
)
from omnicloud.contracts.containers.driver import Events, Find, Inspect, Logs, Rest, Run
from omnicloud.core.operation import Operation
from omnicloud.errors import (
    AlreadyExistsError,
    ClosedError,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.containers.bench import CANARY, SECRET, Bench, kept_secret, sh, spec
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import PlainSeal, Sealing
from omnicloud_tck.world import World

__all__ = ["RefusalLaws"]

_F = ContainersFeature
_OK = sh("exit 0")
_BAD: tuple[dict[str, Any], ...] = (
    {"name": ""},
    {"name": "n" * 1025},
    {"name": "lone \ud800"},
    {"command": ()},
    {"command": ("",)},
    {"command": "sh -c true"},
    {"command": ("sh", "nul\0inside")},
    {"env": {"": "v"}},
    {"env": {"a=b": "v"}},
    {"env": {"a": "nul\0"}},
    {"labels": {"": "v"}},
    {"labels": {"omnicloud.name": "v"}},
    {"working_dir": "relative"},
    {"image": ""},
    {"image": "two words"},
    {"cpu": 0},
    {"cpu": -1.0},
    {"cpu": float("nan")},
    {"cpu": float("inf")},
    {"memory_bytes": 0},
    {"memory_bytes": -5},
    {"memory_bytes": 1.5},
    {"read_bps": 0},
    {"read_bps": True},
    {"write_bps": -1},
    {"write_bps": float("nan")},
    {"read_iops": 1.5},
    {"write_iops": 1 << 32},
    {"ports": (8080,)},
    {"ports": [Port(8080)]},
    {"ports": (Port(0),)},
    {"ports": (Port(1 << 16),)},
    {"ports": (Port(8080, -1),)},
    {"ports": (Port(8080, 1 << 16),)},
    {"ports": (Port(8080), Port(8080))},
    {"ports": (Port(8080, 4000), Port(8081, 4000))},
    {"replicas": 0},
    {"restart": RestartPolicy(RestartWhen.ALWAYS, most=3)},
    {"restart": RestartPolicy(RestartWhen.ON_FAILURE, most=0)},
    {"health": HealthCheck(command=())},
    {"health": HealthCheck(command=_OK, interval=0)},
    {"health": HealthCheck(command=_OK, retries=0)},
)


class RefusalLaws(Bench):
    """Bad requests, secrets, images, outages, the end."""

    @law("CON-070", "A spec that breaks a bound is refused, and nothing runs.", rung=Rung.SHAPE)
    async def bad_specs_are_refused(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for bad in _BAD:
            fields = {"name": "bad", "command": _OK, **bad}
            with refused(InvalidArgumentError, f"a spec with a bad {next(iter(bad))}"):
                await containers.run(ContainerSpec(**fields))
        with refused(InvalidArgumentError, "a negative grace"):
            await containers.stop("bad", grace=-1)
        equal((), await containers.list(), "what is there after bad specs")

    @law("CON-071", "A program that cannot be started is refused, and no container is left.")
    async def unknown_programs_are_refused(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        with refused(InvalidArgumentError, "a program that is not there"):
            await containers.run(ContainerSpec(name="ghost", command=("no-such-program-anywhere",)))
        equal(None, await containers.get("ghost"), "after it")
        equal((), await containers.list(), "the list after it")
        await self.begun(containers, spec("ghost"))

    @law("CON-072", "What is over a limit of the driver is refused, and nothing runs.")
    async def limits_of_the_driver_hold(self, world: World[Any]) -> None:
        pipe: Any = await world.pipeline()
        limits, features = pipe.driver.limits, pipe.driver.features
        size = limits.spec_max_bytes
        over: list[dict[str, Any]] = [{"env": {"a": "v" * size}}, {"labels": {"a": "v" * size}}]
        over += [{"memory_bytes": limits.memory_min_bytes - 1}] if _F.MEMORY in features else []
        over += [{"read_bps": limits.bps_min - 1}] if _F.IO in features else []
        over += [{"cpu": limits.cpu_max + 1}] if _F.CPU in features else []
        for fields in over:
            with refused(InvalidArgumentError, f"{next(iter(fields))} over the limit"):
                await pipe.send(Run(spec("over", **fields)))
        equal(None, await pipe.send(Inspect("over")), "after it")
        await pipe.send(Run(spec("under", "exit 0", env={"a": "v" * (size - 400)})))
        equal(0, (await self.ended(await self.portable(world), "under")).exit_code, "its end")

    @law(
        "CON-073",
        "Images are imported, listed and removed; one that is not there runs nothing.",
        needs=[_F.IMAGES],
    )
    async def images_come_and_go(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        name = f"omnicloud-tck/{id(world)}:one"
        about = "run from an image that is not there"
        with refused(NotFoundError, about), kept_secret(about):
            await containers.run(spec("none", image=name, env=SECRET))
        equal(None, await containers.get("none"), "after it")
        with tempfile.TemporaryDirectory() as folder:
            made = await containers.import_image(name, _archive(Path(folder)))
            with refused(InvalidArgumentError, "import of a file that is not there"):
                await containers.import_image(name + "x", Path(folder) / "missing.tar")
            await containers.import_image(name.replace("one", "a"), _archive(Path(folder)))
        listed = {image.reference: image.id for image in await containers.images()}
        equal(sorted(listed), list(listed), "the order of the references")
        equal(True, await containers.remove_image(name.replace("one", "a")), "remove of another")
        equal(made.id, listed.get(name), "the id of the imported image")
        that(name + "x" not in listed, "an image of a file that is not there")
        equal(True, await containers.remove_image(name), "remove")
        equal(False, await containers.remove_image(name), "remove twice")
        that(name not in {image.reference for image in await containers.images()}, "it is listed")

    @law(
        "CON-075",
        "Neither environment nor command is in an error or a repr; sealing refuses to run.",
        rung=Rung.TRUST,
    )
    async def secrets_stay_secret(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        secret = spec("safe", f"echo {CANARY}; exit 0", env=SECRET)
        made = await containers.run(secret)
        await self.ended(containers, "safe")
        (line,) = await self.lines(containers, "safe")
        that(CANARY not in f"{secret!r}{made!r}{line!r}", "a repr tells the environment")
        ghost = ContainerSpec(name="ghost", command=("no-such-program", CANARY))
        for bad, error in ((secret, AlreadyExistsError), (ghost, InvalidArgumentError)):
            with refused(error, f"run of {bad.name}"), kept_secret(f"run of {bad.name}"):
                await containers.run(bad)
        sealed = await world.pipeline(Sealing(PlainSeal()))
        with refused(UnsupportedError, "run under encryption"):
            await sealed.send(Run(spec("sealed")))
        equal(None, await containers.get("sealed"), "after it")

    @law(
        "CON-081",
        "An engine out of reach is UnavailableError, its containers go on, and it is found again.",
        abilities=[Ability.OUTAGE],
    )
    async def outages_are_told(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        made = await self.begun(containers, spec("kept"))
        polls = await _polls(containers)
        async with world.outage():
            with refused(UnavailableError, "get in an outage"):
                await containers.get("kept")
            with refused(UnavailableError, "run in an outage"):
                await containers.run(spec("late"))
            with refused(UnavailableError, "list in an outage"):
                await containers.list()
            for poll in polls:
                # Who follows would take another error for the end.
                with refused((UnavailableError, DeadlineExceededError), f"{poll!r} in an outage"):
                    await containers.pipeline.send(poll)
        found = await self.alive(containers, "kept", "after the outage")
        equal((made.id, made.started_at), (found.id, found.started_at), "the same run")
        equal(None, await containers.get("late"), "what was refused")

    @law("CON-082", "A closed service refuses, and closing twice is silent.", rung=Rung.RESILIENCE)
    async def closing_is_clean(self, world: World[Any]) -> None:
        driver = await world.driver()
        containers = await self.portable(world)
        await self.begun(containers, spec("kept"))
        networks = ("kept",) if _F.NETWORKS in driver.features else ()
        for name in networks:
            await containers.create_network(name)
        await containers.aclose()
        await containers.aclose()
        with refused(ClosedError, "get after the close"):
            await containers.get("kept")
        await driver.aclose()
        await driver.aclose()
        again = await self.portable(world)
        await self.alive(again, "kept", "after the close")
        if networks:
            equal(networks, await again.networks(), "the networks after the close")


async def _polls(containers: Containers) -> list[Operation[Any, Any]]:
    """Of one who follows, waits and watches: each with all that it may be given."""
    pipe: Any = containers.pipeline
    page = await pipe.send(Logs("kept"))
    polls: list[Operation[Any, Any]] = [
        Logs("kept", page.cursor, 0.2),
        Rest("kept", 0.2),
        Find("ke", {"a": "b"}),
    ]
    if _F.EVENTS in pipe.driver.features:
        polls.append(Events("ke", (await pipe.send(Events("ke"))).cursor, 0.2))
    return polls


def _archive(folder: Path) -> Path:
    path = folder / "root.tar"
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    return path
