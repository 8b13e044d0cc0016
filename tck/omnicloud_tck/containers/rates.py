"""Laws of limits on what containers read from disks and write to them."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.containers import Container, Containers, ContainersFeature, Resources
from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.containers.bench import Bench, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["RateLaws"]

_F = ContainersFeature
_MIB = 1 << 20
_ALL: dict[str, Any] = {
    "read_bps": _MIB,
    "write_bps": 2 * _MIB,
    "read_iops": 300,
    "write_iops": 400,
}
_BAD: tuple[dict[str, Any], ...] = ({"read_bps": 0}, {"write_bps": -1}, {"read_iops": 1.5})
_BLOCK, _BLOCKS = 1 << 16, 16  # of a megabyte that is read or written
_SMALL, _SMALLS = 4096, 32
_HELD_SECONDS = 2.0  # what a limit below makes them take
_LEAST_SECONDS = 1.3
"""What they must take at least: kernels give some of a limit in advance."""

_MOVES = {
    "read_bps": f"dd if=data of=/dev/null bs={_BLOCK} count={_BLOCKS} iflag=direct",
    "write_bps": f"dd if=/dev/zero of=data bs={_BLOCK} count={_BLOCKS} oflag=direct",
    "read_iops": f"dd if=data of=/dev/null bs={_SMALL} count={_SMALLS} iflag=direct",
    "write_iops": f"dd if=/dev/zero of=data bs={_SMALL} count={_SMALLS} oflag=direct",
}
_HOLDING = {
    "read_bps": round(_BLOCK * _BLOCKS / _HELD_SECONDS),
    "write_bps": round(_BLOCK * _BLOCKS / _HELD_SECONDS),
    "read_iops": round(_SMALLS / _HELD_SECONDS),
    "write_iops": round(_SMALLS / _HELD_SECONDS),
}


def _mover(rate: str) -> str:
    """A program that reads or writes at its TERM, past the caches, and then ends with 7."""
    data = f"dd if=/dev/zero of=data bs={_BLOCK} count={_BLOCKS} oflag=direct; "
    ready = data if rate.startswith("read") else ""
    return f"trap '{_MOVES[rate]}; exit 7' TERM; {ready}echo ready; while true; do sleep 0.05; done"


class RateLaws(Bench):
    """Limits of reads and writes."""

    @law(
        "CON-120",
        "Limits of reads and writes given at the start are told, and outlast a restart.",
        needs=[_F.IO],
    )
    async def rates_are_told(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        made = await self.begun(containers, spec("paced", **_ALL))
        one = await self.begun(containers, spec("reads", read_bps=_MIB))
        free = await containers.run(spec("free"))
        _rates(Resources(**_ALL), made, "the answer of run")
        _rates(Resources(read_bps=_MIB), one, "the one that was given, of four")
        _rates(Resources(), free, "without any")
        again = await containers.restart("paced", grace=5)
        _rates(Resources(**_ALL), again, "after a restart")
        for found in await (await self.portable(world)).list("paced"):
            _rates(Resources(**_ALL), found, "what another client is told")

    @law(
        "CON-121",
        "Limits of reads and writes change in a running container, each for itself, and stay.",
        needs=[_F.IO, _F.IO_UPDATE],
    )
    async def rates_change_in_place(self, world: World[Any]) -> None:
        containers, other = await self.portable(world), await self.portable(world)
        pipe: Any = await world.pipeline()
        limited = {_F.CPU, _F.MEMORY} <= pipe.driver.features
        sizes: dict[str, Any] = {"cpu": 0.5, "memory_bytes": 64 * _MIB} if limited else {}
        made = await self.begun(containers, spec("paced", **_ALL, **sizes))
        await self.begun(containers, spec("beside"))
        expected = Resources(**_ALL, **sizes)
        steps: list[dict[str, Any]] = [{name: 5 * limit} for name, limit in _ALL.items()]
        steps += [{"read_bps": 7 * _MIB, "write_iops": 70}]
        steps += [{"cpu": 0.25}, {"memory_bytes": 96 * _MIB}] if limited else []
        for step in steps:
            expected = expected.changed(Resources(**step))
            told = await containers.update("paced", **step)
            equal(expected, told.resources, f"the answer to an update of {', '.join(step)}")
            found = await self.alive(other, "paced", "what was changed")
            equal(expected, found.resources, "read back by another client")
            equal((made.id, made.started_at), (found.id, found.started_at), "the same run")
        for bad in _BAD:
            with refused(InvalidArgumentError, f"an update with {bad}"):
                await containers.update("paced", **bad, write_iops=1000)
        found = await self.alive(other, "paced", "after updates with limits that are none")
        equal(expected, found.resources, "after updates with limits that are none")
        given = await containers.update("beside", write_bps=_MIB)
        _rates(Resources(write_bps=_MIB), given, "the first limit of one that had none")
        again = await containers.restart("paced", grace=5)
        equal(expected, again.resources, "after a restart")
        await containers.stop("paced", grace=5)
        with refused(ConflictError, "update of what has ended"):
            await containers.update("paced", read_bps=_MIB)
        equal(expected, (await containers.start("paced")).resources, "after a refused update")

    @law(
        "CON-122",
        "Limits of reads and writes given at the start hold them back, each its own.",
        needs=[_F.IO],
        rung=Rung.SEMANTICS,
    )
    async def rates_hold(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for rate, limit in _HOLDING.items():
            await self.begun(containers, spec(rate, _mover(rate), **{rate: limit}))
        await self._all_are_held(containers, world, "from the start")

    @law(
        "CON-123",
        "Limits of reads and writes that are set in a running container hold them back.",
        needs=[_F.IO, _F.IO_UPDATE],
        rung=Rung.SEMANTICS,
    )
    async def changed_rates_hold(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for rate, limit in _HOLDING.items():
            before = {} if rate.startswith("read") else {rate: 1000 * limit}
            await self.begun(containers, spec(rate, _mover(rate), **before))
            await containers.update(rate, **{rate: limit})
        await self._all_are_held(containers, world, "set while it runs")

    async def _all_are_held(self, containers: Containers, world: World[Any], how: str) -> None:
        """Let all movers move at once, and see that each took its time."""

        async def took(rate: str) -> float:
            before = world.clock.monotonic()
            ended = await containers.stop(rate, grace=60)
            equal(7, ended.exit_code, f"the end of what is held by {rate}")
            return world.clock.monotonic() - before

        moved = await asyncio.gather(*map(took, _HOLDING))
        for rate, seconds in zip(_HOLDING, moved, strict=True):
            said = f"a {rate} of {_HOLDING[rate]}, {how}, held what takes {_HELD_SECONDS} s back"
            that(seconds >= _LEAST_SECONDS, f"{said} for {seconds:.2f} s")


def _rates(expected: Resources, found: Container, about: str) -> None:
    """Break the law unless these are its limits of reads and writes."""
    told = found.resources
    for name in _ALL:
        equal(getattr(expected, name), getattr(told, name), f"{name}, {about}")
