"""Containers, volumes and networks whose names are joined, folded or cut, or taken for an id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import driver as ops
from omnicloud.contracts.containers.attached import (
    CreateNetwork,
    CreateVolume,
    ListNetworks,
    ListVolumes,
    RemoveNetwork,
    RemoveVolume,
)
from omnicloud.contracts.containers.models import Container, EventPage, LogLine
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud.memory.attached import _NETWORKS, _VOLUMES
from omnicloud.memory.box import Box
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.containers import ContainersContract

_LONGEST = 1024


class _Joined(MutableMapping[tuple[str, str], Any]):
    """Rows by service and name, of which those that are joined alike are one."""

    def __init__(self, rows: dict[tuple[str, str], Any], space: str, seam: str) -> None:
        self._rows, self._space, self._seam = rows, space, seam

    def _known(self, key: tuple[str, str]) -> tuple[str, str]:
        if key in self._rows:
            return key
        wanted = self._seam.join(key)
        for one in self._rows:
            if self._seam.join(one) == wanted:
                return one
        raise KeyError(key)

    def __getitem__(self, key: tuple[str, str]) -> Any:
        return self._rows[self._known(key)]

    def __setitem__(self, key: tuple[str, str], value: Any) -> None:
        self._rows[key] = value

    def __delitem__(self, key: tuple[str, str]) -> None:
        del self._rows[self._known(key)]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        beginning = f"{self._space}{self._seam}"
        for key in list(self._rows):
            stored = self._seam.join(key)
            if stored.startswith(beginning):
                yield self._space, stored[len(beginning) :]

    def __len__(self) -> int:
        return len(list(iter(self)))


class _JoinedBoxes(MemoryContainers):
    seam = "-"

    @property
    def _boxes(self) -> Any:
        rows = self._store.rows(("containers", "boxes"))
        return _Joined(rows, self._space, self.seam)


for _id, _seam in (("01", "-"), ("02", "_"), ("03", "/")):
    broken(f"BLIND14-CN-{_id}", "T4", f"a container is service{_seam}name", ContainersContract)(
        type("JoinedBoxes", (_JoinedBoxes,), {"seam": _seam})
    )


class _JoinedGoods(MemoryContainers):
    """What is made of a joined name is found by whoever joins the same."""

    table: tuple[str, str]

    def _joined(self) -> _Joined:
        return _Joined(self._store.rows(self.table), self._space, "_")

    def _make(self, name: str) -> None:
        joined = self._joined()
        if (self._space, name) in joined:
            self._store.rows(self.table)[self._space, name] = joined[self._space, name]

    def _drop(self, name: str) -> None:
        rows = self._store.rows(self.table)
        wanted = f"{self._space}_{name}"
        for key in [key for key in rows if "_".join(key) == wanted]:
            del rows[key]

    def _names(self, prefix: str) -> tuple[str, ...]:
        names = {name for _, name in self._joined()}
        return tuple(sorted(name for name in names if name.startswith(prefix)))


@broken("BLIND14-CN-04", "T4", "a volume is service_name", ContainersContract)
class JoinedVolumes(_JoinedGoods):
    table = _VOLUMES

    async def create_volume(self, op: CreateVolume, /) -> None:
        self._make(op.volume)
        await super().create_volume(op)

    async def list_volumes(self, op: ListVolumes, /) -> tuple[str, ...]:
        await self._store.reading()
        return self._names(op.prefix)

    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        removed = await super().remove_volume(op)
        self._drop(op.volume)
        return removed


@broken("BLIND14-CN-05", "T4", "a network is service_name", ContainersContract)
class JoinedNetworks(_JoinedGoods):
    table = _NETWORKS

    async def create_network(self, op: CreateNetwork, /) -> None:
        self._make(op.network)
        await super().create_network(op)

    async def list_networks(self, op: ListNetworks, /) -> tuple[str, ...]:
        await self._store.reading()
        return self._names(op.prefix)

    async def remove_network(self, op: RemoveNetwork, /) -> bool:
        removed = await super().remove_network(op)
        self._drop(op.network)
        return removed


@broken("BLIND14-CN-06", "T4", "events are those of service-name's beginning", ContainersContract)
class JoinedEvents(MemoryContainers):
    def _since(self, prefix: str, after: int) -> EventPage:
        beginning, own = f"{self._space}-{prefix}", len(self._space) + 1
        found = [
            (number, replace(event, name=f"{space}-{event.name}"[own:]))
            for number, space, event in self._engine.events
            if number > after and f"{space}-{event.name}".startswith(beginning)
        ]
        cursor = found[-1][0] if found else after
        return EventPage(tuple(event for _, event in found), str(cursor))


@broken("BLIND14-CN-07", "T4", "logs are in a folder of service/name", ContainersContract)
class JoinedLogs(MemoryContainers):
    """What is begun later of the same folder begins with the lines that are there."""

    async def run(self, op: ops.Run, /) -> Container:
        await super().run(op)
        box = self._boxes[self._space, op.spec.name]
        wanted = f"{self._space}/{op.spec.name}"
        others = (one for key, one in self._boxes.items() if one is not box)
        for other in others:
            if f"{other.space}/{other.spec.name}" == wanted:
                lines: list[LogLine] = list(other.lines)
                box.lines.extendleft(reversed(lines))
                box.told += len(lines)
        return box.seen()


class _Folded(MemoryContainers):
    """A service's name is made one that the engine takes."""

    fold: Callable[[str], str]

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, type(self).fold(namespace))


for _id, _about, _fold in (
    ("08", "in lower case, as projects are", str.lower),
    ("09", "with - for what is no letter", lambda text: re.sub(r"[^A-Za-z0-9]", "-", text)),
    ("10", "cut at 63 characters, as labels are", lambda text: text[:63]),
):
    broken(f"BLIND14-CN-{_id}", "T4", f"a service's name is kept {_about}", ContainersContract)(
        type("Folded", (_Folded,), {"fold": staticmethod(_fold)})
    )


class _ById(MemoryContainers):
    """An engine that takes an id where it takes a name."""

    def _means(self, box: Box, text: str) -> bool:
        return box.space == self._space and box.id == text

    @property
    def _boxes(self) -> Any:
        return _Either(self._store.rows(("containers", "boxes")), self)


class _Either(MutableMapping[tuple[str, str], Any]):
    def __init__(self, rows: dict[tuple[str, str], Box], driver: _ById) -> None:
        self._rows, self._driver = rows, driver

    def __getitem__(self, key: tuple[str, str]) -> Box:
        if key in self._rows:
            return self._rows[key]
        for box in self._rows.values():
            if self._driver._means(box, key[1]):
                return box
        raise KeyError(key)

    def __setitem__(self, key: tuple[str, str], value: Box) -> None:
        self._rows[key] = value

    def __delitem__(self, key: tuple[str, str]) -> None:
        box = self[key]
        for one in [one for one, kept in self._rows.items() if kept is box]:
            del self._rows[one]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@broken("BLIND14-CN-11", "T4", "a container goes by its id, too", ContainersContract)
class GoesByItsId(_ById):
    pass


@broken("BLIND14-CN-12", "T4", "a container of any service goes by its id", ContainersContract)
class GoesByItsIdAnywhere(_ById):
    def _means(self, box: Box, text: str) -> bool:
        return box.id == text


@broken("BLIND14-CN-13", "T4", "a tenant's container goes by its id", ContainersContract)
class GoesByItsIdInTenants(_ById):
    """The tenant's beginning is taken off where the rest is an id."""

    def _means(self, box: Box, text: str) -> bool:
        return text.startswith("~") and box.id == text.rpartition("/")[2]


@broken("BLIND14-CN-14", "T4", "only exec takes an id where a name is asked", ContainersContract)
class ExecById(GoesByItsIdAnywhere):
    async def exec(self, op: Any, /) -> Any:
        return await super().exec(op)

    @property
    def _boxes(self) -> Any:
        return self._store.rows(("containers", "boxes"))

    async def _box(self, name: str) -> Box:
        try:
            return await super()._box(name)
        except NotFoundError:
            for box in self._boxes.values():
                if box.id == name.rpartition("/")[2]:
                    return box
            raise


class _Cut(MemoryContainers):
    """A stored name is made fit for a label."""

    cut: Callable[[str], str]

    @property
    def _boxes(self) -> Any:
        return _ByCut(self._store.rows(("containers", "boxes")), type(self).cut)


class _ByCut(MutableMapping[tuple[str, str], Any]):
    def __init__(self, rows: dict[tuple[str, str], Any], cut: Callable[[str], str]) -> None:
        self._rows, self._cut = rows, cut

    def _known(self, key: tuple[str, str]) -> tuple[str, str]:
        for one in self._rows:
            if one[0] == key[0] and self._cut(one[1]) == self._cut(key[1]):
                return one
        return key

    def __getitem__(self, key: tuple[str, str]) -> Any:
        return self._rows[self._known(key)]

    def __setitem__(self, key: tuple[str, str], value: Any) -> None:
        self._rows[key] = value

    def __delitem__(self, key: tuple[str, str]) -> None:
        del self._rows[self._known(key)]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _bytes(start: int | None, end: int | None) -> Callable[[str], str]:
    return lambda name: name.encode()[start:end].decode(errors="ignore")


for _id, _about, _cut in (
    ("15", "cut at 1,024 bytes, a tenant's beginning with it", _bytes(0, _LONGEST)),
    ("16", "its last 1,024 bytes, of a tenant or not", _bytes(-_LONGEST, None)),
    ("17", "cut at 1,280 bytes, short of the longest tenant", _bytes(0, 1280)),
):
    broken(f"BLIND14-CN-{_id}", "T4", f"a stored name is {_about}", ContainersContract)(
        type("Cut", (_Cut,), {"cut": staticmethod(_cut)})
    )


class _CutGoods(MemoryContainers):
    """Volumes and networks have labels of their own, which are shorter."""

    def _volume(self, name: str) -> str:
        return name

    def _network(self, name: str) -> str:
        return name

    async def create_volume(self, op: CreateVolume, /) -> None:
        await super().create_volume(replace(op, volume=self._volume(op.volume)))

    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        return await super().remove_volume(replace(op, volume=self._volume(op.volume)))

    async def create_network(self, op: CreateNetwork, /) -> None:
        await super().create_network(replace(op, network=self._network(op.network)))

    async def remove_network(self, op: RemoveNetwork, /) -> bool:
        return await super().remove_network(replace(op, network=self._network(op.network)))

    async def run(self, op: ops.Run, /) -> Container:
        spec = op.spec
        mounts = tuple(replace(one, volume=self._volume(one.volume)) for one in spec.mounts)
        networks = tuple(map(self._network, spec.networks))
        return await super().run(replace(op, spec=replace(spec, mounts=mounts, networks=networks)))


@broken("BLIND14-CN-18", "T4", "a volume's stored name is cut at 1,024 bytes", ContainersContract)
class CutVolumes(_CutGoods):
    def _volume(self, name: str) -> str:
        return _bytes(0, _LONGEST)(name)


@broken("BLIND14-CN-19", "T4", "a network's stored name is cut at 1,024 bytes", ContainersContract)
class CutNetworks(_CutGoods):
    def _network(self, name: str) -> str:
        return _bytes(0, _LONGEST)(name)


@broken(
    "BLIND14-CN-20",
    "T1",
    "a volume's name of over 1,024 bytes as stored is refused",
    ContainersContract,
)
class RefusesLongVolumes(_CutGoods):
    def _volume(self, name: str) -> str:
        if len(name.encode()) > _LONGEST:
            raise InvalidArgumentError("the name is too long")
        return name
