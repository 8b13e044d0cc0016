"""containers drivers that are wrong about limits of reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from broken.containers_lives import WithEngine, containers
from omnicloud.contracts.containers import Container, Resources
from omnicloud.contracts.containers.driver import Restart, Run, Update
from omnicloud.memory.attached import Reach
from omnicloud.memory.boxes import Box, Engine
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.shell import Program, started


def _without_rates(limits: Resources) -> Resources:
    return Resources(limits.cpu, limits.memory_bytes)


@containers("CR23", "T1", "limits of reads and writes of a spec are not set")
class NoRates(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        await super().run(op)
        box = await self._box(op.spec.name)
        box.resources = _without_rates(box.resources)
        return box.seen()


@containers("CR24", "T1", "the limit of reads is told for writes, too")
class OneForBoth(MemoryContainers):
    async def run(self, op: Run, /) -> Container:
        made = await super().run(op)
        both = replace(made.resources, write_bps=made.resources.read_bps)
        return replace(made, resources=both)


@containers("CR25", "T1", "limits of reads and writes are gone after a restart")
class LostAtRestart(MemoryContainers):
    async def restart(self, op: Restart, /) -> Container:
        box = await self._box(op.container)
        box.resources = _without_rates(box.resources)
        return await super().restart(op)


@containers("CR26", "T1", "a restart brings the limits of the spec back")
class AsInTheSpec(WithEngine):
    class kind(Engine):
        def begin(self, box: Box, at: float) -> None:
            box.resources = box.spec.resources
            super().begin(box, at)


@containers("CR27", "T1", "update of one limit of reads or writes takes the others of them away")
class RatesReplaced(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        box = await self._alive(op.container)
        if _without_rates(op.limits) != op.limits:
            box.resources = _without_rates(box.resources)
        return await super().update(op)


@containers("CR28", "T1", "update of reads and writes takes the limits of the processor away")
class OthersReplaced(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        box = await self._alive(op.container)
        if _without_rates(op.limits) != op.limits:
            box.resources = replace(box.resources, cpu=None)
        return await super().update(op)


@containers("CR29", "T1", "update of memory takes the limits of reads and writes away")
class MemoryReplaces(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        box = await self._alive(op.container)
        if op.memory_bytes is not None:
            box.resources = _without_rates(box.resources)
        return await super().update(op)


@containers("CR30", "T1", "of several limits update changes the first")
class FirstOnly(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        if op.read_bps is not None:
            op = Update(op.container, read_bps=op.read_bps)
        return await super().update(op)


@containers("CR31", "T1", "an update that is refused is kept for the next start")
class KeptThough(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        box = await self._box(op.container)
        box.resources = box.resources.changed(op.limits)
        return await super().update(op)


@containers("CR32", "T1", "update of writes is answered, and not done")
class WritesLie(MemoryContainers):
    async def update(self, op: Update, /) -> Container:
        seen = await super().update(replace(op, write_bps=None))
        return replace(seen, resources=seen.resources.changed(op.limits))


class _Held(WithEngine):
    """Holds programs back by other limits than are told."""

    @staticmethod
    def held_by(box: Box) -> Resources:
        return box.resources

    def __init_subclass__(cls) -> None:
        class Other(Reach):
            def transfer_seconds(self, *, read_bytes: int, written_bytes: int) -> float:
                told = self._box.resources
                self._box.resources = cls.held_by(self._box)
                try:
                    return super().transfer_seconds(
                        read_bytes=read_bytes, written_bytes=written_bytes
                    )
                finally:
                    self._box.resources = told

        class Engines(Engine):
            def program(self, box: Box, command: Sequence[str]) -> Program:
                return started(command, box.spec.env, Other(self._store, box))

        cls.kind = Engines


@containers("CR33", "T1", "limits of reads and writes are told and not enforced")
class OnlyTold(_Held):
    @staticmethod
    def held_by(box: Box) -> Resources:
        return Resources()


@containers("CR34", "T1", "a changed limit of reads or writes is not enforced before a restart")
class HeldAsBegun(_Held):
    @staticmethod
    def held_by(box: Box) -> Resources:
        return box.spec.resources


@containers(
    "CR35", "T1", "reads are held back by the limits of writes, and writes by those of reads"
)
class Crossed(_Held):
    @staticmethod
    def held_by(box: Box) -> Resources:
        told = box.resources
        return Resources(
            read_bps=told.write_bps,
            write_bps=told.read_bps,
            read_iops=told.write_iops,
            write_iops=told.read_iops,
        )


@containers("CR36", "T1", "bytes in a second are enforced as bits are")
class InBits(_Held):
    @staticmethod
    def held_by(box: Box) -> Resources:
        told = box.resources
        rates = {"read_bps": told.read_bps, "write_bps": told.write_bps}
        return replace(told, **{name: rate * 8 for name, rate in rates.items() if rate})


@containers("CR37", "T1", "operations in a second are told and not enforced")
class NoOperations(_Held):
    @staticmethod
    def held_by(box: Box) -> Resources:
        return replace(box.resources, read_iops=None, write_iops=None)
