"""secrets drivers of the kinds that odd ones made by machine showed to be unseen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions
from omnicloud.contracts.secrets.models import NamePage, StoredSecret, VersionInfo
from omnicloud.errors import InvalidArgumentError, ThrottledError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract

_HOUR = 3600.0
_POOL = 40


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"QUIRK-SE-{number}", tier, summary, SecretsContract)


@secrets("01", "T2", "a page of a prefix longer than 64 bytes holds twice what was asked for")
class LongPages(MemorySecrets):
    """ "A driver may answer fewer than ``limit`` names", not more."""

    async def list(self, op: List, /) -> NamePage:
        wide = len(op.prefix.encode()) > 64
        return await super().list(replace(op, limit=2 * op.limit) if wide else op)


@secrets("02", "T3", "a list of versions that is cancelled keeps its place among forty")
class LeakedPlaces(MemorySecrets):
    """A pool that is given nothing back by who was cancelled; what is asked then breaks down."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._lost = 0

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        if self._lost >= _POOL:
            raise KeyError("no place is free")
        try:
            return await super().list_versions(op)
        except asyncio.CancelledError:
            self._lost += 1
            raise


@secrets("03", "T3", "after an hour's rest a name is read in two days")
class Late(MemorySecrets):
    """It waits for the answer on a connection that is dead, and then takes another."""

    async def get(self, op: Get, /) -> StoredSecret | None:
        now, last = self._store.clock.monotonic, self._store.rows(("read last", *self._table))
        if now() - last.get(op.secret, now()) > _HOUR:
            await asyncio.sleep(2 * 24 * _HOUR)
        last[op.secret] = now()
        return await super().get(op)


@secrets("04", "T2", "the versions of a name are looked up by what stands before a '#' or ';'")
class CutPaths(MemorySecrets):
    """The name is put into a path as it is; only this verb forgets to escape it."""

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        name = op.secret.split("#")[0].split(";")[0]
        return await super().list_versions(replace(op, secret=name or op.secret))


@secrets("05", "T2", "of more than twenty reads at once the rest have the first one's answer")
class SharedAnswers(MemorySecrets):
    """ "Concurrent callers never see each other's answers". Met by who starts many workers."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._under_way: list[Get] = []

    async def get(self, op: Get, /) -> StoredSecret | None:
        asked = self._under_way[0] if len(self._under_way) > 20 else op
        self._under_way.append(op)
        try:
            return await super().get(asked)
        finally:
            self._under_way.remove(op)


@secrets("06", "T2", "of more than twenty deletions at once those after them are throttled")
class Throttled(MemorySecrets):
    """Nobody asks for so many at once, its author thought, and told it as a moment's trouble."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deleting = 0

    async def delete(self, op: Delete, /) -> bool:
        if self._deleting > 20:
            raise ThrottledError("too many at once")
        self._deleting += 1
        try:
            return await super().delete(op)
        finally:
            self._deleting -= 1


@secrets("07", "T2", "waiting for a name with a mark of a query in it is refused")
class RefusedWaits(MemorySecrets):
    """Every other verb takes the name."""

    async def wait(self, op: Await, /) -> str | None:
        if any(mark in op.secret for mark in "()<>{}|^!"):
            raise InvalidArgumentError("the name cannot be watched")
        return await super().wait(op)
