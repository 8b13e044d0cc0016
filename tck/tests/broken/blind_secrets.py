"""secrets drivers as third parties might write them, wrong in ways thought of blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import pause
from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import NamePage, StoredSecret, VersionInfo
from omnicloud.errors import UnavailableError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract


def secrets(number: int, tier: str, summary: str) -> Any:
    return broken(f"B-SE-{number:02}", tier, summary, SecretsContract)


@secrets(1, "T0", "delete takes the current version only: the one before is current again")
class DeletesOne(MemorySecrets):
    async def delete(self, op: Delete, /) -> bool:
        await self._store.turn()
        held = self._live(op.secret)
        if len(held) < 2:
            return await super().delete(op)
        self._rows()[op.secret] = held[1:]
        self._store.tell()
        return True


@secrets(2, "T1", "a page of a listing begins with the last name of the page before")
class RepeatsAtPages(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        if op.cursor is None or op.limit < 2:
            return page
        names = (op.cursor, *page.names)[: op.limit]
        more = page.cursor is not None or len(page.names) == op.limit
        return NamePage(names, names[-1] if more else None)


@secrets(3, "T1", "a grace of no seconds is taken for none: older versions stay readable")
class NoGraceIsForEver(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, grace=op.grace or None))


@secrets(4, "T2", "versions are counted up by reading, awaiting and writing: two are one")
class CountsVersions(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        counts = self._store.rows(("secret counts", self._table))
        number = counts.get(op.secret, 0) + 1
        await pause()
        await super().set(op)
        counts[op.secret] = max(number, counts.get(op.secret, 0))
        held = self._rows()[op.secret]
        self._rows()[op.secret] = (replace(held[0], version=number), *held[1:])
        return str(number)


@secrets(5, "T2", "a watch compares values: a rotation to an equal value is not told")
class ComparesValues(MemorySecrets):
    async def wait(self, op: Await, /) -> str | None:
        until = self._store.clock.monotonic() + op.wait
        before = self._store.rows("watched").get((self._table, op.secret, op.known))
        while True:
            left = max(0.0, until - self._store.clock.monotonic())
            version = await super().wait(replace(op, wait=left))
            held = self._live(op.secret)
            now = held[0].value if held else None
            if version is None or version == op.known or op.known is None or now != before:
                if held:
                    self._store.rows("watched")[self._table, op.secret, version] = now
                return version
            if self._store.clock.monotonic() >= until:
                return op.known
            await self._store.changed(until - self._store.clock.monotonic())


@secrets(6, "T3", "the grace of a rotation ends by the wall clock")
class GraceByWall(MemorySecrets):
    def _live(self, name: str) -> Any:
        held = self._rows().get(name, ())
        now = self._store.clock.wall()
        ends = self._store.rows("wall ends")
        return tuple(one for one in held if ends.get((name, one.version), now + 1) > now)

    async def set(self, op: Set, /) -> str:
        before = self._live(op.secret)
        version = await super().set(replace(op, grace=None))
        ends = self._store.rows("wall ends")
        if op.grace is not None:
            end = self._store.clock.wall() + op.grace
            for one in before:
                place = (op.secret, one.version)
                ends[place] = min(end, ends.get(place, end))
        return version

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        ends, now = self._store.rows("wall ends"), self._store.clock.wall()
        return tuple(
            replace(info, expires_in=ends[op.secret, int(info.version)] - now)
            if (op.secret, int(info.version)) in ends
            else info
            for info in await super().list_versions(op)
        )


@secrets(7, "T3", "a watch in an outage is told that the secret was deleted")
class OutageIsDeletion(MemorySecrets):
    async def wait(self, op: Await, /) -> str | None:
        try:
            return await super().wait(op)
        except UnavailableError:
            return None


@secrets(8, "T4", "the cause of an error in an outage holds the value that was to be set")
class CauseHoldsValue(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError as error:
            body = op.value.decode(errors="replace")
            cause = OSError(f"POST /secrets/{op.secret} {{'value': '{body}'}} failed")
            raise UnavailableError("the vault is away", outcome=error.outcome) from cause


@secrets(9, "T4", "a version is found under any name")
class AnyNamesVersion(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        if op.version is None:
            return await super().get(op)
        await self._store.reading()
        for name in self._rows():
            for held in self._live(name):
                if str(held.version) == op.version:
                    return StoredSecret(held.value, op.version)
        return None
