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
_SECONDS = 2.0  # what the limits below make each mover take, half of it for each of its moves
_LEAST_SECONDS = 1.4
"""What it must take at least: kernels give some of a limit in advance."""


def _dd(source: str, target: str, size: int, count: int, *flags: str) -> str:
    return " ".join(("dd", f"if={source}", f"of={target}", f"bs={size}", f"count={count}", *flags))


# A megabyte in large blocks for limits of bytes, few small blocks for those of operations, all of
# it past the caches.
_MOVES = {
    "read_bps": _dd("data", "/dev/null", 1 << 16, 16, "iflag=direct"),
    "write_bps": _dd("/dev/zero", "data", 1 << 16, 16, "oflag=direct"),
    "read_iops": _dd("data", "/dev/null", 4096, 32, "iflag=direct"),
    "write_iops": _dd("/dev/zero", "more", 4096, 32, "oflag=direct"),
}
_HELD: dict[str, dict[str, Any]] = {
    "one": {"write_iops": 32, "read_bps": _MIB},
    "two": {"write_bps": _MIB, "read_iops": 32},
}
"""Movers and their limits: a read and a write each, so that none stands for the other."""


def _mover(limits: dict[str, Any]) -> str:
    """A program that does its moves at its TERM and then ends with 7."""
    moves = "; ".join(_MOVES[rate] for rate in limits)
    begin = f"{_MOVES['write_bps']}; echo ready"
    return f"trap '{moves}; exit 7' TERM; {begin}; while true; do sleep 0.05; done"


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
        _rates(Resources(**_ALL), made, "the answer of run")
        _rates(Resources(read_bps=_MIB), one, "the one that was given, of four")
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
        for name, limits in _HELD.items():
            await self.begun(containers, spec(name, _mover(limits), **limits))
        await self._all_are_held(containers, world, "from the start")

    @law(
        "CON-123",
        "Limits of reads and writes that are set in a running container hold them back.",
        needs=[_F.IO, _F.IO_UPDATE],
        rung=Rung.SEMANTICS,
    )
    async def changed_rates_hold(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for name, limits in _HELD.items():
            loose = {rate: 1000 * limit for rate, limit in limits.items() if name == "one"}
            await self.begun(containers, spec(name, _mover(limits), **loose))
            await containers.update(name, **limits)
        await self._all_are_held(containers, world, "set while it runs")

    async def _all_are_held(self, containers: Containers, world: World[Any], how: str) -> None:
        """Let all movers move at once, and see that each took its time."""

        async def took(name: str) -> float:
            before = world.clock.monotonic()
            ended = await containers.stop(name, grace=60)
            equal(7, ended.exit_code, f"the end of what is held by {', '.join(_HELD[name])}")
            return world.clock.monotonic() - before

        moved = await asyncio.gather(*map(took, _HELD))
        for name, seconds in zip(_HELD, moved, strict=True):
            said = f"{_HELD[name]}, {how}, held what takes {_SECONDS} s back for {seconds:.2f} s"
            that(seconds >= _LEAST_SECONDS, said)


def _rates(expected: Resources, found: Container, about: str) -> None:
    """Break the law unless these are its limits of reads and writes."""
    told = found.resources
    for name in _ALL:
        equal(getattr(expected, name), getattr(told, name), f"{name}, {about}")
