"""Secrets drivers as third parties wrote them, made without a look at the laws."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Await, Delete, Get, Set
from omnicloud.contracts.secrets.models import StoredSecret
from omnicloud.errors import Outcome, UnavailableError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract

_KEPT = 5
_CACHED_SECONDS = 5.0


def secrets(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, SecretsContract)


@secrets("GSE01", "T0", "every version that is asked for is the current one")
class AlwaysCurrent(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(Get(op.secret))


@secrets("GSE02", "T1", "what was deleted is there again as older versions after the next write")
class DeletesSoftly(MemorySecrets):
    async def delete(self, op: Delete, /) -> bool:
        held = self._rows().get(op.secret, ())
        there = await super().delete(op)
        self._store.rows(("deleted", *self._table))[op.secret] = held
        return there

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        older = self._store.rows(("deleted", *self._table)).pop(op.secret, ())
        kept = (*self._rows()[op.secret], *older)[: self.limits.versions_kept]
        self._rows()[op.secret] = kept
        return version


@secrets("GSE03", "T1", "five versions are kept where ten are declared")
class KeepsFewer(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        self._rows()[op.secret] = self._rows()[op.secret][:_KEPT]
        return version


@secrets("GSE04", "T1", "values are kept as text: bytes that are none are replaced")
class KeepsText(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        text = op.value.decode(errors="replace")
        return await super().set(replace(op, value=text.encode()))


@secrets("GSE05", "T2", "the next version is the newest one and 1, looked up first")
class CountsVersions(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        last = self._store.rows(("last", *self._table))
        number = last.get(op.secret, 0) + 1
        await asyncio.sleep(0)
        await super().set(op)
        last[op.secret] = max(number, last.get(op.secret, 0))
        made, *older = self._rows()[op.secret]
        self._rows()[op.secret] = (replace(made, version=number), *older)
        return str(number)


@secrets("GSE06", "T2", "who waits hears of what its own client wrote only")
class HearsItself(MemorySecrets):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._wrote: set[str] = set()

    async def set(self, op: Set, /) -> str:
        self._wrote.add(op.secret)
        return await super().set(op)

    async def delete(self, op: Delete, /) -> bool:
        self._wrote.add(op.secret)
        return await super().delete(op)

    async def wait(self, op: Await, /) -> str | None:
        if op.wait == 0:
            self._wrote.discard(op.secret)
            return await super().wait(op)
        until = self._store.clock.monotonic() + op.wait
        while op.secret not in self._wrote:
            left = until - self._store.clock.monotonic()
            await self._store.reading()
            if left <= 0:
                return op.known
            await self._store.changed(left)
        return await super().wait(op)


@secrets("GSE07", "T2", "each client keeps what it read for five seconds, whoever writes meanwhile")
class CachesValues(MemorySecrets):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._kept: dict[Get, tuple[float, StoredSecret]] = {}

    async def get(self, op: Get, /) -> StoredSecret | None:
        until, kept = self._kept.get(op, (0.0, None))
        if kept is not None and self._store.clock.monotonic() < until:
            return kept
        found = await super().get(op)
        if found is not None:
            self._kept[op] = (self._store.clock.monotonic() + _CACHED_SECONDS, found)
        return found

    async def set(self, op: Set, /) -> str:
        self._kept.clear()
        return await super().set(op)

    async def delete(self, op: Delete, /) -> bool:
        self._kept.clear()
        return await super().delete(op)


@secrets("GSE08", "T3", "a grace is counted from when the older version was made")
class GraceFromCreation(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is not None:
            age = self._store.clock.wall()
            made, *older = self._rows()[op.secret]
            self._rows()[op.secret] = (
                made,
                *(replace(one, deadline=one.deadline - (age - one.created)) for one in older),
            )
        return version


@secrets("GSE09", "T3", "a second rotation prolongs the grace of the first")
class GraceIsProlonged(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        if op.grace is not None:
            await self._store.turn()
            held = self._live(op.secret)
            if held:
                self._rows()[op.secret] = tuple(replace(one, deadline=None) for one in held)
        return await super().set(op)


@secrets("GSE10", "T3", "while the backend is down delete answers that there was nothing")
class NothingToDeleteWhenDown(MemorySecrets):
    async def delete(self, op: Delete, /) -> bool:
        try:
            return await super().delete(op)
        except UnavailableError:
            return False


@secrets("GSE11", "T4", "names are found whatever their case")
class NamesWithoutCase(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is not None:
            return found
        for name in sorted(self._rows()):
            if name.lower() == op.secret.lower():
                return await super().get(replace(op, secret=name))
        return None


@secrets("GSE12", "T4", "the error of a write that failed tells what was to be written")
class TellsRequest(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError as error:
            body = op.value.decode(errors="replace")
            said = f"PUT /v1/secret {{'value': '{body}'}}: {error}"
            raise UnavailableError(said, outcome=Outcome.NOT_DONE) from None
