"""secrets drivers that are wrong where verbs, options or clients meet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import NamePage, StoredSecret, VersionInfo
from omnicloud.errors import UnavailableError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"PRG-SE-{number}", tier, summary, SecretsContract)


@secrets("01", "T1", "a version that ends is not counted among those that are kept")
class KeepsMore(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        before = self._live(op.secret)
        version = await super().set(op)
        now = self._rows()[op.secret]
        lost = [held for held in before if held.version not in {one.version for one in now}]
        ending = tuple(held for held in lost if held.deadline is not None)
        self._rows()[op.secret] = (*now, *ending)
        return version


@secrets("02", "T1", "a plain write ends the grace that older versions have")
class WriteEndsGrace(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is None:
            made, *older = self._rows()[op.secret]
            self._rows()[op.secret] = (made, *(h for h in older if h.deadline is None))
        return version


@secrets("03", "T1", "a plain write makes versions that were to end stay")
class WriteKeeps(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is None:
            older = self._rows()[op.secret]
            self._rows()[op.secret] = tuple(replace(held, deadline=None) for held in older)
        return version


@secrets("04", "T1", "an ending version is told to end with the last rotation's grace")
class TellsLastGrace(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        found = await super().list_versions(op)
        ends = [one.expires_in for one in found if one.expires_in is not None]
        last = max(ends, default=None)
        return tuple(
            one if one.expires_in is None else replace(one, expires_in=last) for one in found
        )


@secrets("05", "T2", "a rotation reads the older versions, then writes")
class RotatesLater(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        if op.grace is None:
            return await super().set(op)
        await self._store.turn()
        older = self._rows().get(op.secret, ())
        await asyncio.sleep(0)
        self._rows()[op.secret] = older
        return await super().set(op)


@secrets("06", "T2", "a deletion looks, and deletes a little later")
class DeletesLater(MemorySecrets):
    async def delete(self, op: Delete, /) -> bool:
        await self._store.turn()
        there = op.secret in self._rows()
        await asyncio.sleep(0)
        self._rows().pop(op.secret, None)
        return there


@secrets("07", "T2", "a listing of versions is put together from two looks")
class ListsTwice(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        first = await super().list_versions(op)
        second = await super().list_versions(op)
        return (*first[:1], *second[1:]) if len(second) > 1 else first


@secrets("08", "T3", "a client that is opened anew counts kept versions from none")
class ForgetsKept(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        known = self.__dict__.setdefault("_seen", set())
        if op.secret not in known and len(self._live(op.secret)) > 1:
            self._rows()[op.secret] = self._rows()[op.secret][:1]
        known.add(op.secret)
        return await super().set(op)


@secrets("09", "T3", "a write that an outage refused is done with the next")
class DoneWithNext(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        missed = self.__dict__.setdefault("_missed", [])
        try:
            version = await super().set(op)
        except UnavailableError:
            missed.append(op)
            raise
        while missed:
            version = await super().set(missed.pop())
        return version

    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        missed = self.__dict__.setdefault("_missed", [])
        while missed:
            await super().set(missed.pop())
        return found


@secrets("10", "T4", "versions of all tenants are found under one name")
class AnyTenant(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None and op.version is not None:
            name = op.secret.rpartition("/")[2]
            for other in list(self._rows()):
                if other.rpartition("/")[2] == name and other != op.secret:
                    return await super().get(replace(op, secret=other))
        return found


@secrets("11", "T1", "a page of one name is always the last")
class OnePage(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        return NamePage(page.names) if op.limit == 1 and op.cursor is not None else page


@secrets("12", "T1", "a wait for a version that never was waits all the same")
class WaitsForNothing(MemorySecrets):
    async def wait(self, op: Await, /) -> str | None:
        known = op.known
        if known is not None and not known.isdigit():
            known = await super().wait(replace(op, known=None, wait=0.0))
            await self._store.clock.sleep(op.wait)
            return op.known
        return await super().wait(op)
