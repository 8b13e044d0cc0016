"""secrets drivers written against the contract alone, for a fifth count of what the kit finds."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Await, Delete, Get, ListVersions, Set
from omnicloud.contracts.secrets.models import StoredSecret, VersionInfo
from omnicloud.errors import UnavailableError
from omnicloud.memory.secrets import MemorySecrets, _Version
from omnicloud_tck.secrets import SecretsContract


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND5-SE-{number}", tier, summary, SecretsContract)


@secrets("01", "T0", "a version that is asked for is not looked at")
class AlwaysCurrent(MemorySecrets):
    """ "or the one of that version". Met by the first read of an older version."""

    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(Get(op.secret))


@secrets("02", "T1", "versions are listed oldest first")
class OldestFirst(MemorySecrets):
    """ "the current one first". Met by whoever asks for the previous one."""

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        return (await super().list_versions(op))[::-1]


@secrets("03", "T1", "a value that is base64 comes back decoded")
class Decodes(MemorySecrets):
    """ "The stored bytes, unchanged". Met by any key that is handed out in base64."""

    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None or len(found.value) < 8:
            return found
        try:
            return replace(found, value=base64.b64decode(found.value, validate=True))
        except binascii.Error:
            return found


@secrets("04", "T2", "of two who set at once one is lost, though both had a version")
class LosesOne(MemorySecrets):
    """ "Without grace older versions stay readable". Met by two who deploy at once."""

    async def set(self, op: Set, /) -> str:
        await self._store.turn()
        older = self._live(op.secret)
        await asyncio.sleep(0)
        version = await super().set(op)
        made = self._rows()[op.secret][0]
        end = None if op.grace is None else self._store.clock.monotonic() + op.grace
        if end is not None:
            older = tuple(replace(h, deadline=min(h.deadline or end, end)) for h in older)
        self._rows()[op.secret] = (made, *older)[: self.limits.versions_kept]
        return version


@secrets("05", "T2", "of those who wait for one secret only the first is woken")
class WakesOne(MemorySecrets):
    """ "as soon as it is not known any more". Met by two watchers in one process."""

    async def wait(self, op: Await, /) -> str | None:
        waiting = self.__dict__.setdefault("_wrong_waiting", set())
        if op.wait and op.secret in waiting:
            await self._store.clock.sleep(op.wait)
            return await super().wait(Await(op.secret, op.known))
        if not op.wait:
            return await super().wait(op)
        waiting.add(op.secret)
        try:
            return await super().wait(op)
        finally:
            waiting.discard(op.secret)


@secrets("06", "T3", "a later rotation lengthens the grace of an earlier one")
class Lengthens(MemorySecrets):
    """ "or when an earlier grace ends it". Met by two rotations, the second the milder."""

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is not None:
            end = self._store.clock.monotonic() + op.grace
            made, *older = self._rows()[op.secret]
            self._rows()[op.secret] = (made, *(replace(held, deadline=end) for held in older))
        return version


@secrets("07", "T3", "a secret that is made again has the versions of the deleted one")
class Undeletes(MemorySecrets):
    """ "Delete a secret with all its versions". Met by a name that is used again."""

    async def delete(self, op: Delete, /) -> bool:
        held = self._rows().get(op.secret, ())
        there = await super().delete(op)
        if there:
            self._store.rows("buried")[self._table, op.secret] = held
        return there

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        buried: tuple[_Version, ...] = self._store.rows("buried").pop((self._table, op.secret), ())
        kept = self.limits.versions_kept
        self._rows()[op.secret] = (*self._rows()[op.secret], *buried)[:kept]
        return version


@secrets("08", "T4", "a version is found under every name")
class AnyName(MemorySecrets):
    """ "A name is matched exactly and found nowhere else". Met by who may read one name only."""

    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None and op.version is not None:
            for name in self._rows():
                for held in self._live(name):
                    if str(held.version) == op.version:
                        return StoredSecret(held.value, op.version)
        return found


@secrets("09", "T4", "the log shows how a new value begins")
class LogsBeginnings(MemorySecrets):
    """ "never prints (repr, logs, tracebacks)". Met by every write, at the level INFO."""

    async def set(self, op: Set, /) -> str:
        start = op.value[: min(8, len(op.value) // 2)].decode(errors="replace")
        logging.getLogger("provider.secrets").info("%s is now %s...", op.secret, start)
        return await super().set(op)


@secrets("10", "T4", "the native error behind an outage carries the value")
class CarriesAlong(MemorySecrets):
    """ "never prints (repr, logs, tracebacks)". Met by a traceback of any outage."""

    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError as error:
            native = ConnectionError(f"PUT /v1/secret body={op.value.decode(errors='replace')}")
            raise UnavailableError("no answer", outcome=error.outcome) from native
