"""Containers drivers that are odd under one condition: a name, an age, a crowd, a number."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.containers import Container, EventKind, ExecResult, Image, State
from omnicloud.contracts.containers.attached import ListVolumes, RemoveVolume
from omnicloud.contracts.containers.driver import (
    Events,
    Exec,
    Find,
    Inspect,
    Logs,
    Pause,
    Remove,
    Rest,
    Run,
    Stop,
    Update,
)
from omnicloud.contracts.containers.images import ImportImage, RemoveImage
from omnicloud.contracts.containers.models import EventPage, LogPage
from omnicloud.errors import InvalidArgumentError, NotFoundError, ThrottledError, UnavailableError
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.containers import ContainersContract

_DAY = 86_400.0
_UPDATED = EventKind.UPDATED


def containers(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-CO-{number}", tier, summary, ContainersContract)


@containers("01", "T1", "a pause knows a container by the first 128 letters of its name")
class PausesByABeginning(MemoryContainers):
    """ "Names are any Unicode of 1 to 1,024 bytes of UTF-8", in every verb."""

    async def pause(self, op: Pause, /) -> Container:
        return await super().pause(Pause(op.container[:128]))


@containers("02", "T1", "a volume is removed by its composed name")
class ComposesWhatItRemoves(MemoryContainers):
    """Made under a name and removed under another that only looks alike."""

    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        return await super().remove_volume(RemoveVolume(unicodedata.normalize("NFC", op.volume)))


@containers("03", "T1", "a further command is refused in a container with a mark in its name")
class FearsMarks(MemoryContainers):
    """A name put into a command line, guarded by a refusal in that one verb."""

    async def exec(self, op: Exec, /) -> ExecResult:
        if set(op.container) & set(";|&<>"):
            raise InvalidArgumentError("no such name in a command line")
        return await super().exec(op)


@containers("04", "T2", "with a container goes the network of the same name")
class TakesItsNamesake(MemoryContainers):
    """Containers, volumes and networks have names of their own."""

    async def remove(self, op: Remove, /) -> bool:
        networks = self._store.rows(("containers", "networks"))
        removed = await super().remove(op)
        if removed:
            networks.pop((self._space, op.container), None)
        return removed


@containers("05", "T2", "after a removal of a volume its namesake, a container, is not found")
class AnswersForAVolume(MemoryContainers):
    """One cache for all that is kept under a name, and two kinds of answers in it."""

    _last = ""

    async def remove_volume(self, op: RemoveVolume, /) -> bool:
        self._last = op.volume
        return await super().remove_volume(op)

    async def inspect(self, op: Inspect, /) -> Container | None:
        found = await super().inspect(op)
        last, self._last = self._last, ""
        return None if last == op.container else found


class _Idle(MemoryContainers):
    """Knows how long it was not asked."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._asked = self._now()

    def idle(self) -> float:
        before, self._asked = self._asked, self._now()
        return self._asked - before


@containers("06", "T3", "the first stop after an hour without one finds its connection gone")
class ConnectionsAge(_Idle):
    """What was idle is opened anew, and nobody hears of it."""

    async def stop(self, op: Stop, /) -> Container:
        if self.idle() > 3600:
            raise UnavailableError("the connection was closed")
        return await super().stop(op)


@containers("07", "T3", "what ended a day ago is cleared away")
class ClearsAway(MemoryContainers):
    """ "EXITED: It ended, and stays so until it is started"."""

    async def inspect(self, op: Inspect, /) -> Container | None:
        found = await super().inspect(op)
        looked: dict[str, float] = self._store.rows(("containers", "looked"))
        if found is None or found.state is not State.EXITED:
            looked.pop(op.container, None)
            return found
        if self._now() - looked.setdefault(op.container, self._now()) < _DAY:
            return found
        await super().remove(Remove(op.container))
        return None


@containers("08", "T3", "after a month no update is told")
class FallsSilent(MemoryContainers):
    """ "What happened to the containers under prefix since cursor", in any month."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._began = self._now()

    async def events(self, op: Events, /) -> EventPage:
        page = await super().events(op)
        if self._now() - self._began < 30 * _DAY:
            return page
        return replace(page, events=tuple(one for one in page.events if one.kind is not _UPDATED))


@containers("09", "T2", "while forty calls wait, an update is turned away")
class TurnsAway(MemoryContainers):
    """A bound of one pool that those who wait use up for all others."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store, namespace)
        self._waiting: dict[str, int] = store.rows(("containers", "waiting"))

    async def rest(self, op: Rest, /) -> Container:
        self._waiting["n"] = self._waiting.get("n", 0) + 1
        try:
            return await super().rest(op)
        finally:
            self._waiting["n"] -= 1

    async def update(self, op: Update, /) -> Container:
        if self._waiting.get("n", 0) >= 40:
            raise ThrottledError("too many connections")
        return await super().update(op)


@containers("10", "T1", "a list has the first hundred containers")
class ListsOnePage(MemoryContainers):
    """The first page of an engine that answers by pages."""

    async def find(self, op: Find, /) -> tuple[Container, ...]:
        return (await super().find(op))[:100]


@containers("11", "T1", "a list has the first hundred volumes")
class ListsOnePageOfVolumes(MemoryContainers):
    """The same, of what is attached."""

    async def list_volumes(self, op: ListVolumes, /) -> tuple[str, ...]:
        return (await super().list_volumes(op))[:100]


@containers("12", "T1", "of more than a hundred labels the last are lost")
class FewLabels(MemoryContainers):
    """ "labels: To find it by", all of them up to spec_max_bytes."""

    async def run(self, op: Run, /) -> Container:
        labels = dict(list(op.spec.labels.items())[:100])
        return await super().run(replace(op, spec=replace(op.spec, labels=labels)))


@containers("13", "T1", "a memory limit is kept in 32 bits")
class NarrowMemory(MemoryContainers):
    """ "memory_bytes: At most so much memory", up to more than 4 GiB."""

    async def update(self, op: Update, /) -> Container:
        most = (1 << 32) - 1
        memory = None if op.memory_bytes is None else min(op.memory_bytes, most)
        return await super().update(replace(op, memory_bytes=memory))


@containers("14", "T1", "a reference ends at its second colon")
class CutsReferences(MemoryContainers):
    """ "localhost:5000/web:1": the first colon is that of a port."""

    async def import_image(self, op: ImportImage, /) -> Image:
        return await super().import_image(replace(op, reference=_cut(op.reference)))

    async def remove_image(self, op: RemoveImage, /) -> bool:
        return await super().remove_image(replace(op, reference=_cut(op.reference)))


@containers("15", "T1", "an image is not made from a file whose path has spaces")
class SplitsPaths(MemoryContainers):
    """A path put into a command line."""

    async def import_image(self, op: ImportImage, /) -> Image:
        return await super().import_image(replace(op, path=op.path.split(" ")[0]))


def _cut(reference: str) -> str:
    return ":".join(reference.split(":")[:2])


@containers("16", "T3", "who follows over an outage is told that there is no such container")
class FollowsNothing(MemoryContainers):
    """It takes that for the container's removal, and for the end."""

    async def logs(self, op: Logs, /) -> LogPage:
        try:
            return await super().logs(op)
        except UnavailableError:
            if op.cursor is None:
                raise
            raise NotFoundError("there is no container of that name") from None


@containers("17", "T3", "a cursor of events that was not asked with for an hour begins anew")
class CursorsAge(_Idle):
    """ "What happened to the containers under prefix since cursor"."""

    async def events(self, op: Events, /) -> EventPage:
        late = self.idle() > 3600
        return await super().events(replace(op, cursor=None) if late and op.cursor else op)
