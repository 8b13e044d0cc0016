"""Laws of ports that are published on the engine's machine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    ContainerSpec,
    Port,
)
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, eventually, refused, that
from omnicloud_tck.containers.bench import IDLE, PATIENCE, SECRET, Bench, kept_secret, spec
from omnicloud_tck.containers.engine import elsewhere
from omnicloud_tck.law import Rung, law
from omnicloud_tck.servers import free_port
from omnicloud_tck.world import World

__all__ = ["PortLaws"]

_F = ContainersFeature
_SERVES = "echo served > /tmp/page; echo ready; httpd -f -p 8080 -h /tmp"
_NET = "published"


class PortLaws(Bench):
    """Published ports."""

    @law(
        "CON-130",
        "A port that the engine chooses is told, to each container another, and leads to it.",
        needs=[_F.PORTS],
    )
    async def ports_are_told(self, world: World[Any]) -> None:
        containers = await self._joined(world)
        made = await self.begun(containers, await self._spec(world, "a", _SERVES, Port(8080)))
        two = Port(8080), Port(9090)
        other = await containers.run(await self._spec(world, "b", IDLE, *two))
        equal([8080], [one.container for one in made.ports], "the ports of the first")
        equal([8080, 9090], [one.container for one in other.ports], "the ports of the second")
        hosts = [one.host for one in (*made.ports, *other.ports)]
        that(all(0 < host < 1 << 16 for host in hosts), f"ports of the machine are {hosts}")
        equal(3, len(set(hosts)), f"of {hosts}, different ones")
        for found in await (await self.portable(world)).list("a"):
            equal(made.ports, found.ports, "what another client is told")
        if not world.virtual:
            await self._leads_to_it(world, made.ports[0].host)
        await containers.stop("a", grace=1)
        ended = await self.ended(containers, "a")
        equal((), ended.ports, "of what has ended")
        again = await containers.start("a")
        equal([8080], [one.container for one in again.ports], "once it is started again")

    @law(
        "CON-131",
        "A port that is taken is refused and leaves no container; it is free after the removal.",
        needs=[_F.PORTS],
        rung=Rung.SEMANTICS,
    )
    async def taken_ports_are_refused(self, world: World[Any]) -> None:
        containers = await self._joined(world)
        port = Port(8080, free_port())
        holder = await containers.run(await self._spec(world, "holder", IDLE, port))
        equal((port,), holder.ports, "the port that was asked for")
        late = await self._spec(world, "late", IDLE, Port(9090), Port(8080, port.host))
        late = replace(late, env=SECRET)
        about = "run with a port that is taken"
        with refused(ConflictError, about), kept_secret(about):
            await containers.run(late)
        equal(None, await containers.get("late"), "after it")
        found = await self.alive(containers, "holder", "who has the port")
        equal((port,), found.ports, "its port after it")
        equal(True, await containers.remove("holder", force=True), "remove of who has the port")
        equal(Port(8080, port.host), (await containers.run(late)).ports[0], "once it is free")

    @law(
        "CON-132",
        "What has ended holds no port, and is not started again while another has it.",
        needs=[_F.PORTS],
        rung=Rung.SEMANTICS,
    )
    async def ended_ones_hold_no_port(self, world: World[Any]) -> None:
        containers = await self._joined(world)
        port = Port(8080, free_port())
        await containers.run(await self._spec(world, "first", "exit 3", port))
        first = await self.ended(containers, "first")
        equal((), first.ports, "the ports of what has ended by itself")
        second = await self.begun(containers, await self._spec(world, "second", IDLE, port))
        equal((port,), second.ports, "the port of what has ended by itself")
        await world.sleep(0.05)  # so that another start would have another stamp
        with refused(ConflictError, "start with a port that is taken"):
            await containers.start("first")
        after = await self.ended(containers, "first")
        equal(first.started_at, after.started_at, "its last start, after a refused one")
        await containers.stop("second", grace=5)
        await containers.start("first")
        again = await self.ended(containers, "first")
        that(again.started_at > first.started_at, "it did not start once its port was free")

    @law(
        "CON-133",
        "Ports are the machine's: one that another service's container has is taken.",
        needs=[_F.PORTS],
        rung=Rung.SEMANTICS,
    )
    async def ports_are_the_machine_s(self, world: World[Any]) -> None:
        containers = await self._joined(world)
        stranger = Containers(Pipeline(await elsewhere(world)), world.clock)
        if await self._has_networks(world):
            await stranger.create_network(_NET)
        port = Port(8080, free_port())
        theirs = await stranger.run(await self._spec(world, "theirs", IDLE, port))
        equal((port,), theirs.ports, "the port of the other service")
        with refused(ConflictError, "run with a port of another service"):
            await containers.run(await self._spec(world, "ours", IDLE, port))
        equal((), await containers.list(), "after it")

    async def _leads_to_it(self, world: World[Any], port: int) -> None:
        """Break the law unless the page of the container is served there."""

        async def served() -> bool:
            said = await _answer(port)
            that(not said or said.endswith(b"served\n"), "something else answers at the port")
            return bool(said)

        await eventually(served, world.sleep, PATIENCE, "an answer at the port")

    async def _joined(self, world: World[Any]) -> Containers:
        """A client, and a network from which ports are published."""
        containers = await self.portable(world)
        if await self._has_networks(world):
            await containers.create_network(_NET)
        return containers

    async def _spec(self, world: World[Any], name: str, script: str, *ports: Port) -> ContainerSpec:
        networks = (_NET,) if await self._has_networks(world) else ()
        return spec(name, script, ports=ports, networks=networks)

    async def _has_networks(self, world: World[Any]) -> bool:
        pipe: Any = await world.pipeline()
        return _F.NETWORKS in pipe.driver.features


async def _answer(port: int) -> bytes:
    """What is said to a request at a port of this machine; nothing where nobody listens yet."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    try:
        writer.write(b"GET /page HTTP/1.0\r\n\r\n")
        await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
