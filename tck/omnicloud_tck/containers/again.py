"""Laws of requests that change nothing: refused ones, and such as were done already."""

from __future__ import annotations

import asyncio
import io
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    EventKind,
    Mount,
    Port,
    RestartPolicy,
    RestartWhen,
    State,
)
from omnicloud.contracts.containers.driver import Events
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import AlreadyExistsError, ConflictError, NotFoundError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.containers.bench import DEAF, IDLE, PATIENCE, POLITE, Bench, sh, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.servers import free_port
from omnicloud_tck.world import World

__all__ = ["AgainLaws"]

_F = ContainersFeature
_K = EventKind
_DATA = Mount("data", "/data")
_NET = "net"


class AgainLaws(Bench):
    """Nothing happens twice, and what is refused does not happen."""

    @law(
        "CON-154",
        "What is so already is left alone, and no change is told.",
        needs=[_F.EVENTS],
        rung=Rung.SEMANTICS,
    )
    async def what_is_so_is_left_alone(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        features = (await world.driver()).features
        cursor = (await watcher.send(Events())).cursor
        made = await self.begun(containers, spec("one", IDLE))
        steps = [("start", _K.STARTED), ("pause", _K.PAUSED), ("unpause", _K.UNPAUSED)]
        for verb, _ in steps if _F.PAUSE in features else steps[:1]:
            for _ in range(2):
                found = await getattr(containers, verb)("one")
                equal((made.id, made.started_at), (found.id, found.started_at), f"after {verb}")
        ends = [await containers.stop("one", grace=PATIENCE) for _ in range(2)]
        equal(ends[0], ends[1], "what was stopped, stopped again")
        expected = [kind for _, kind in (steps if _F.PAUSE in features else steps[:1])]
        told = [one.kind for one in await self.told(watcher, cursor, len(expected) + 1)]
        equal([*expected, _K.EXITED], told, "what was told, each verb done twice")

    @law(
        "CON-155",
        "A page of events is what its cursor says, whoever else watches and how often it is asked.",
        needs=[_F.EVENTS],
        rung=Rung.CONCURRENCY,
    )
    async def events_belong_to_cursors(self, world: World[Any]) -> None:
        containers, pipe = await self.portable(world), await world.pipeline()
        watchers: list[tuple[Pipeline[Any], str]] = [
            (pipe, ""),
            (pipe, ""),
            (pipe, "web"),
            (await world.pipeline(), ""),
        ]
        cursors = [(await each.send(Events(prefix))).cursor for each, prefix in watchers]
        for name in ("web", "worker"):
            await containers.run(spec(name, "exit 3"))
            await self.ended(containers, name)
            await containers.remove(name)
        one = [_K.STARTED, _K.EXITED, _K.REMOVED]
        for _ in range(2):
            for (each, prefix), cursor in zip(watchers, cursors, strict=True):
                expected = [("web", kind) for kind in one]
                expected += [] if prefix else [("worker", kind) for kind in one]
                told = await self._events(each, prefix, cursor, len(expected))
                equal(expected, told, f"events under {prefix!r} since one cursor")

    async def _events(
        self, pipe: Pipeline[Any], prefix: str, cursor: str, count: int
    ) -> list[tuple[str, EventKind]]:
        told: list[tuple[str, EventKind]] = []
        for _ in range(20 + count):
            page = await pipe.send(Events(prefix, cursor, 1.0))
            told += [(event.name, event.kind) for event in page.events]
            cursor = page.cursor
            if len(told) >= count:
                break
        return told

    @law(
        "CON-156",
        "A follower is told the lines of all runs; what will run again, or is paused, goes on.",
        rung=Rung.CONCURRENCY,
    )
    async def followers_outlast_restarts(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        policy = RestartPolicy(RestartWhen.ON_FAILURE, most=2)
        scripts = [("at-once", "echo run; exit 1"), ("later", "echo run; sleep 0.2; false")]
        for name, script in scripts if world.virtual else scripts[:1]:
            await containers.run(spec(name, script, restart=policy))
            equal(["run"] * 3, await _followed(containers, name), f"lines of three runs, {name}")
        if _F.PAUSE in (await world.driver()).features:
            await self.begun(containers, spec("held", POLITE))
            following = asyncio.ensure_future(_followed(containers, "held"))
            try:
                await containers.pause("held")
                await world.sleep(0.5)
                that(not following.done(), "who follows what is paused is told that it has ended")
                await containers.stop("held", grace=PATIENCE)
                equal(["ready", "bye"], await following, "lines of what was paused meanwhile")
            finally:
                following.cancel()

    @law("CON-157", "No grace is none: KILL comes at once.", rung=Rung.SEMANTICS)
    async def no_grace_is_none(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for name, state in (("restart", State.RUNNING), ("stop", State.EXITED)):
            await self.begun(containers, spec(name, DEAF))
            before = world.clock.monotonic()
            found = await getattr(containers, name)(name, grace=0)
            passed = world.clock.monotonic() - before
            # A default would be ten seconds; a busy engine takes some for itself.
            that(passed < 9.5, f"{name} without a grace took {passed:.1f} s")
            equal(state, found.state, f"after {name}")

    @law(
        "CON-158",
        "A volume that is made again keeps its files, whether a container has it or not.",
        needs=[_F.VOLUMES],
        rung=Rung.SEMANTICS,
    )
    async def volumes_made_again_are_left(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.create_volume("data")
        script = "cat /data/f; echo kept >> /data/f"
        for count, removed in enumerate((False, True, True)):
            await containers.run(spec("user", script, mounts=(_DATA,)))
            await self.ended(containers, "user")
            said = await self.texts(containers, "user")
            equal(count, said.count("kept"), "lines of those before, in a volume made again")
            if not removed:
                await containers.create_volume("data")
            await containers.remove("user")
            if removed:
                await containers.create_volume("data")

    @law(
        "CON-159",
        "A reference that is imported again is of what was imported last.",
        needs=[_F.IMAGES],
        rung=Rung.SEMANTICS,
    )
    async def the_last_import_counts(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        name = f"omnicloud-tck/{id(world)}:again"
        with tempfile.TemporaryDirectory() as folder:
            first = await containers.import_image(name, _archive(folder, b"one"))
            second = await containers.import_image(name, _archive(folder, b"two" * 9999))
        try:
            that(first.id != second.id, "other content has the same id")
            found = {image.reference: image for image in await containers.images()}
            equal(second, found.get(name), "the image that was imported last")
            that(second.size_bytes > 0, f"an image of {second.size_bytes} bytes")
        finally:
            equal(True, await containers.remove_image(name), "remove")
        equal(False, await containers.remove_image(name), "remove of what was imported twice")

    @law(
        "CON-160",
        "A paused container keeps its ports.",
        needs=[_F.PORTS, _F.PAUSE],
        rung=Rung.SEMANTICS,
    )
    async def the_paused_keep_their_ports(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        networks = await self._net(world, containers)
        port = Port(8080, free_port())
        await containers.run(spec("ended", "exit 3", ports=(port,), networks=networks))
        await self.ended(containers, "ended")
        await self.begun(containers, spec("holder", IDLE, ports=(port,), networks=networks))
        paused = await containers.pause("holder")
        equal((port,), paused.ports, "the port of what is paused")
        with refused(ConflictError, "run with a port of what is paused"):
            await containers.run(spec("late", IDLE, ports=(port,), networks=networks))
        with refused(ConflictError, "start with a port of what is paused"):
            await containers.start("ended")
        equal((port,), (await containers.unpause("holder")).ports, "its port afterwards")

    @law(
        "CON-161",
        "What is refused changes nothing of a container, and nothing is told of it.",
        rung=Rung.SEMANTICS,
    )
    async def refusals_change_nothing(self, world: World[Any]) -> None:
        containers, watcher = await self.portable(world), await world.pipeline()
        features = (await world.driver()).features
        more: dict[str, Any] = {"networks": await self._net(world, containers)}
        if _F.PORTS in features:
            more["ports"] = (Port(8080, free_port()),)
        else:
            more["restart"] = RestartPolicy(RestartWhen.ON_FAILURE, most=1)
        await containers.run(spec("ended", "exit 3", **more))
        before = await self.ended(containers, "ended")
        await self.begun(containers, spec("runs", IDLE, **more))
        running = await self.alive(containers, "runs", "what runs")
        cursor = (await watcher.send(Events())).cursor if _F.EVENTS in features else ""
        await self._refused_to_the_ended(containers, features)
        with refused(ConflictError, "remove of what runs"):
            await containers.remove("runs")
        if _F.PORTS in features:
            with refused(ConflictError, "start with a port that is taken"):
                await containers.start("ended")
        equal(before, await containers.get("ended"), "what had ended, after all was refused")
        equal(running, await containers.get("runs"), "what runs, after all was refused")
        await containers.remove("runs", force=True)
        told = await self.told(watcher, cursor, 2) if cursor else []
        kinds = [one.kind for one in told]
        equal([_K.EXITED, _K.REMOVED] if cursor else [], kinds, "what was told of refusals")
        if _F.NETWORKS in features:
            await containers.remove_network(_NET)
            with refused(NotFoundError, "start on a network that was removed"):
                await containers.start("ended")
            equal(before, await containers.get("ended"), "after a start without its network")

    async def _refused_to_the_ended(self, containers: Containers, features: Any) -> None:
        with refused(AlreadyExistsError, "run of a name that is taken"):
            await containers.run(spec("ended", "exit 5", labels={"other": "labels"}))
        calls: list[tuple[ContainersFeature, Any]] = [
            (_F.PAUSE, lambda: containers.pause("ended")),
            (_F.PAUSE, lambda: containers.unpause("ended")),
            (_F.EXEC, lambda: containers.exec("ended", sh("exit 0"))),
            (_F.CPU, lambda: containers.update("ended", cpu=0.5)),
        ]
        for feature, call in calls:
            if feature in features:
                with refused(ConflictError, f"{feature.value} of what has ended"):
                    await call()

    async def _net(self, world: World[Any], containers: Containers) -> tuple[str, ...]:
        """Networks for a container with ports, where there are any."""
        if _F.NETWORKS not in (await world.driver()).features:
            return ()
        await containers.create_network(_NET)
        return (_NET,)


async def _followed(containers: Containers, name: str) -> list[str]:
    async with asyncio.timeout(2 * PATIENCE):
        return [line.text async for line in containers.logs(name, follow=True)]


def _archive(folder: str, content: bytes) -> Path:
    """A root file system with one file."""
    path = Path(folder, "root.tar")
    with tarfile.open(path, "w") as tar:
        entry = tarfile.TarInfo("hello.txt")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return path
