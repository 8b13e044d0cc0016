"""Laws of volumes and networks: what outlives containers, and what they reach."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    ContainerSpec,
    Mount,
    State,
    Stream,
)
from omnicloud.errors import (
    ConflictError,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
)
from omnicloud_tck.check import equal, eventually, refused, that, together
from omnicloud_tck.containers.bench import IDLE, PATIENCE, SECRET, Bench, kept_secret, spec
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["AttachedLaws"]

_F = ContainersFeature
_HEARD = 3.0
"""Seconds within which a host that is there answers, and for which a missing one is looked for."""
_DATA = Mount("data", "/data")
_NAMES = ("a", "a b", "a/b", "a%2Fb", "A", "ä", "b", f"{'k' * 1023}1", f"{'k' * 1023}2")
_BAD: tuple[dict[str, Any], ...] = (
    {"mounts": (Mount("data", "relative"),)},
    {"mounts": (Mount("data", "/"),)},
    {"mounts": (Mount("data", "/a/../b"),)},
    {"mounts": (Mount("data", "/a//b"),)},
    {"mounts": (Mount("", "/a"),)},
    {"mounts": (Mount("data", "/a"), Mount("more", "/a"))},
    {"networks": ("",)},
    {"networks": ("n", "n")},
    {"networks": ("n",), "host": "UPPER"},
    {"networks": ("n",), "host": "a.b"},
    {"networks": ("n",), "host": "-a"},
    {"networks": ("n",), "host": "h" * 64},
    {"networks": ("n",), "name": "no host name"},
    {"host": "a"},
)


def serving(name: str, said: str, *networks: str, **more: Any) -> ContainerSpec:
    """A container that serves a file ``said`` at port 8080."""
    script = f"echo {said} > /tmp/said; echo ready; httpd -f -p 8080 -h /tmp"
    return spec(name, script, networks=networks, **more)


class AttachedLaws(Bench):
    """Files that outlive containers, and containers that meet."""

    @law(
        "CON-090",
        "What is written to a volume is there for the next container and for others at once; "
        "what is written beside it goes with its container.",
        needs=[_F.VOLUMES],
    )
    async def volumes_outlive_containers(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for name in ("data", "more"):
            await containers.create_volume(name)
        mounts = (_DATA, Mount("more", "/more/deep"))
        write = "echo one > /data/f; echo two > /more/deep/f; echo own > /tmp/f"
        await self._ends_so(containers, spec("writer", write, mounts=mounts), [], 0)
        await containers.create_volume("data")
        equal(True, await containers.remove("writer"), "remove of the writer")
        read = "cat /data/f; cat /more/deep/f; echo read; cat /tmp/f"
        turned = (Mount("more", "/data"), Mount("data", "/more/deep"))
        for name, given, said in (
            ("same", mounts, ["one", "two"]),
            ("turned", turned, ["two", "one"]),
        ):
            await containers.run(spec(name, read, mounts=given))
            found = await self.ended(containers, name)
            that(found.exit_code != 0, "a file of a removed container is there")
            lines = await self.lines(containers, name)
            told = [line.text for line in lines if line.stream is Stream.STDOUT]
            equal([*said, "read"], told, "what is in the volumes")

    @law(
        "CON-091",
        "A volume is shared by those that run at once, and read only where that was asked.",
        needs=[_F.VOLUMES, _F.EXEC],
    )
    async def volumes_are_shared(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.create_volume("data")
        await self.begun(containers, spec("writer", mounts=(_DATA,)))
        reading = Mount("data", "/seen", read_only=True)
        await self.begun(containers, spec("reader", mounts=(reading,)))
        await containers.exec("writer", ("sh", "-c", "echo first > /data/f"))
        told = await containers.exec("reader", ("cat", "/seen/f"))
        equal((0, b"first\n"), (told.exit_code, told.stdout), "what the other wrote")
        refused_ = await containers.exec("reader", ("sh", "-c", "echo no > /seen/f"))
        that(refused_.exit_code != 0, "a volume that is read only was written")
        told = await containers.exec("writer", ("cat", "/data/f"))
        equal(b"first\n", told.stdout, "after a write that is not allowed")
        await containers.remove("writer", force=True)
        told = await containers.exec("reader", ("cat", "/seen/f"))
        equal(b"first\n", told.stdout, "after its writer was removed by force")

    @law(
        "CON-097",
        "One volume at two paths of a container is one volume, read only at that path alone.",
        needs=[_F.VOLUMES, _F.EXEC],
    )
    async def paths_are_mounted_each(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.create_volume("data")
        for name, first, second in (("one", "/data", "/seen"), ("two", "/seen", "/data")):
            mounts = (
                Mount("data", first, first == "/seen"),
                Mount("data", second, second == "/seen"),
            )
            await self.begun(containers, spec(name, mounts=mounts))
            done = await containers.exec(name, ("sh", "-c", f"echo {name} > /data/f"))
            equal(0, done.exit_code, "a write at the path that is not read only")
            told = await containers.exec(name, ("cat", "/seen/f"))
            equal(f"{name}\n".encode(), told.stdout, "what is at the other path")
            done = await containers.exec(name, ("sh", "-c", "echo no > /seen/f"))
            that(done.exit_code != 0, "a path that is read only was written")

    @law(
        "CON-098",
        "What a container wrote beside its volumes is there when it is started again.",
        needs=[_F.VOLUMES],
    )
    async def own_files_outlive_a_stop(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("own", "cat /tmp/own; echo kept >> /tmp/own"))
        await self.ended(containers, "own")
        for count in (1, 3):
            await containers.start("own")
            await self.ended(containers, "own")
            lines = await self.lines(containers, "own")
            told = [line.text for line in lines if line.stream is Stream.STDOUT]
            equal(["kept"] * count, told, "what it wrote in the runs before")

    @law(
        "CON-092",
        "A container of a volume or a network that is not there is not made, nor is the volume.",
    )
    async def what_is_missing_is_not_made(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        features = (await world.driver()).features
        for feature, more in (
            (_F.VOLUMES, {"mounts": (_DATA,)}),
            (_F.NETWORKS, {"networks": ("n",)}),
        ):
            if feature in features:
                about = f"run with missing {feature.value}"
                with refused(NotFoundError, about), kept_secret(about):
                    await containers.run(spec("none", env=SECRET, **more))
                equal(None, await containers.get("none"), "after it")
        if _F.VOLUMES in features:
            equal((), await containers.volumes(), "the volumes after it")
        if _F.NETWORKS in features:
            equal((), await containers.networks(), "the networks after it")
        for bad in _BAD:
            with refused(InvalidArgumentError, f"a spec with bad {' and '.join(bad)}"):
                await containers.run(ContainerSpec(**{"name": "bad", "command": ("true",), **bad}))

    @law(
        "CON-093",
        "Volumes are listed by name, made once, kept while a container has them, removed with "
        "what is in them.",
        needs=[_F.VOLUMES],
    )
    async def volumes_come_and_go(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for name in _NAMES:
            await containers.create_volume(name)
        equal(tuple(sorted(_NAMES)), await containers.volumes(), "all volumes, in order")
        equal(("a", "a b", "a%2Fb", "a/b"), await containers.volumes("a"), "those under a prefix")
        write = spec("writer", "echo one > /data/f", mounts=(Mount("a/b", "/data"),))
        await self._ends_so(containers, write, [], 0)
        with refused(ConflictError, "remove of a volume that an ended container has"):
            await containers.remove_volume("a/b")
        await containers.remove("writer")
        equal(True, await containers.remove_volume("a/b"), "remove")
        equal(False, await containers.remove_volume("a/b"), "remove twice")
        rest = tuple(sorted(set(_NAMES) - {"a/b", "a"}))
        equal(True, await containers.remove_volume("a"), "remove of one that others begin with")
        equal(rest, await containers.volumes(), "the others after two were removed")
        await containers.create_volume("a/b")
        read = spec("reader", "cat /data/f", mounts=(Mount("a/b", "/data"),))
        await containers.run(read)
        that((await self.ended(containers, "reader")).exit_code != 0, "a new volume is not empty")
        answers = await together(*(containers.create_volume("same") for _ in range(4)))
        equal([None] * 4, answers, "made by four at once")
        equal(("same",), await containers.volumes("same"), "after that")

    @law(
        "CON-094",
        "Containers on a common network reach each other by host; others do not.",
        needs=[_F.NETWORKS, _F.EXEC],
        patience=120,
    )
    async def networks_join_and_part(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for name in ("front", "back"):
            await containers.create_network(name)
        await self.begun(containers, serving("web", "web", "front"))
        await self.begun(containers, serving("the store", "store", "back", host="store"))
        await self.begun(containers, spec("both", networks=("front", "back")))
        await self.begun(containers, spec("one", networks=("back",)))
        await self._reaches(world, containers, "both", "web")
        await self._reaches(world, containers, "both", "store")
        await self._reaches(world, containers, "one", "store")
        equal(None, await self._fetched(containers, "one", "web"), "over no common network")
        for name in ("web", "the store"):
            await containers.remove(name, force=True)
        equal(None, await self._fetched(containers, "both", "web"), "what was removed")

    @law(
        "CON-095",
        "Networks are listed by name, made once, and kept while a container that runs is on them.",
        needs=[_F.NETWORKS],
    )
    async def networks_come_and_go(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        names = _NAMES[:5]
        for name in (*names, names[0]):
            await containers.create_network(name)
        equal(tuple(sorted(names)), await containers.networks(), "all networks, in order")
        equal(("a", "a b", "a%2Fb", "a/b"), await containers.networks("a"), "under a prefix")
        await self.begun(containers, spec("on-it", IDLE, networks=("a/b",)))
        with refused(ConflictError, "remove of a network that a container is on"):
            await containers.remove_network("a/b")
        if _F.PAUSE in (await world.driver()).features:
            await containers.pause("on-it")
            with refused(ConflictError, "remove of a network that a paused container is on"):
                await containers.remove_network("a/b")
        equal(State.EXITED, (await containers.stop("on-it", grace=0)).state, "stop")
        equal(True, await containers.remove_network("a/b"), "remove")
        equal(False, await containers.remove_network("a/b"), "remove twice")
        equal(True, await containers.remove_network("a"), "remove of one that others begin with")
        rest = tuple(sorted(set(names) - {"a/b", "a"}))
        equal(rest, await containers.networks(), "the others after two were removed")
        with refused(NotFoundError, "start on a network that was removed"):
            await containers.start("on-it")

    async def _ends_so(
        self, containers: Containers, wanted: ContainerSpec, lines: list[str], code: int
    ) -> None:
        """Break the law unless it ends so, having said that."""
        await containers.run(wanted)
        found = await self.ended(containers, wanted.name)
        told = await self.texts(containers, wanted.name)
        equal((code, lines), (found.exit_code, told), f"the end of {wanted.name}")

    async def _reaches(
        self, world: World[Any], containers: Containers, name: str, host: str, said: str = ""
    ) -> None:
        """Wait until a container hears from a host: its server begins after it says so."""

        async def heard() -> bool:
            return await self._fetched(containers, name, host) == f"{said or host}\n".encode()

        await eventually(heard, world.sleep, PATIENCE, f"{name} does not reach {host}")

    async def _fetched(self, containers: Containers, name: str, host: str) -> bytes | None:
        url = f"http://{host}:8080/said"
        try:
            told = await containers.exec(name, ("wget", "-q", "-O", "-", url), timeout=_HEARD)
        except DeadlineExceededError:
            return None  # it still looks for a host of that name
        return told.stdout if told.exit_code == 0 else None
