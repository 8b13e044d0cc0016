"""secrets drivers that are wrong in ways which were written before the laws were looked at."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

from broken.registry import broken
from broken.unseen_common import came_back, pause, rootless
from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import NamePage, StoredSecret, VersionInfo
from omnicloud.errors import Outcome, UnavailableError
from omnicloud.memory.secrets import MemorySecrets, _Version
from omnicloud_tck.secrets import SecretsContract


def secrets(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, SecretsContract)


@secrets("U-SE-01", "T0", "a deleted name is still listed")
class SoftDelete(MemorySecrets):
    async def delete(self, op: Delete, /) -> bool:
        there = await super().delete(op)
        if there:
            self._store.rows("deleted")[op.secret] = True
        return there

    async def set(self, op: Set, /) -> str:
        self._store.rows("deleted").pop(op.secret, None)
        return await super().set(op)

    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        gone = [n for n in self._store.rows("deleted") if n.startswith(op.prefix)]
        return NamePage(tuple(sorted({*page.names, *gone})), page.cursor)


@secrets("U-SE-02", "T1", "a version that there is not is answered with the current one")
class FallsBack(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        return found or await super().get(Get(op.secret))


@secrets("U-SE-03", "T1", "writing a deleted name again brings its old versions back")
class Undeletes(MemorySecrets):
    async def delete(self, op: Delete, /) -> bool:
        self._store.rows("graves")[op.secret] = self._live(op.secret)
        return await super().delete(op)

    async def set(self, op: Set, /) -> str:
        old = self._store.rows("graves").pop(op.secret, ())
        if old and not self._live(op.secret):
            await self._store.turn()
            self._rows()[op.secret] = old
        return await super().set(op)


@secrets("U-SE-04", "T1", "a prefix that ends within a step of a path lists nothing")
class WholeSteps(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        if not op.prefix or op.prefix.endswith("/"):
            return page
        whole = op.prefix + "/"
        return NamePage(tuple(n for n in page.names if n.startswith(whole)), page.cursor)


@secrets("U-SE-05", "T1", "names that look alike are one secret")
class Composed(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(replace(op, secret=unicodedata.normalize("NFC", op.secret)))

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, secret=unicodedata.normalize("NFC", op.secret)))


@secrets("U-SE-06", "T1", "line ends of Windows become those of Unix")
class LineEnds(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.replace(b"\r\n", b"\n")))


@secrets("U-SE-07", "T1", "versions are listed in the order of their text")
class TextOrder(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        found = await super().list_versions(op)
        newest = tuple(sorted(found[1:], key=lambda each: each.version, reverse=True))
        return found[:1] + newest


@secrets("U-SE-08", "T1", "versions are kept without end")
class KeepsAll(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        older = self._live(op.secret)
        version = await super().set(op)
        kept = self.limits.versions_kept
        self._rows()[op.secret] = (*self._rows()[op.secret], *older[kept - 1 :])
        return version


@secrets("U-SE-09", "T1", "a later rotation prolongs the grace of versions that were ending")
class LongerGrace(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is not None:
            end = self._store.clock.monotonic() + op.grace
            made, *older = self._rows()[op.secret]
            self._rows()[op.secret] = (made, *(replace(each, deadline=end) for each in older))
        return version


@secrets("U-SE-10", "T1", "a rotation without grace is a plain write")
class NoGrace(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, grace=op.grace or None))


@secrets("U-SE-11", "T2", "of two clients that write at once one loses its version")
class LosesAVersion(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        await self._store.turn()
        before = self._live(op.secret)
        await pause()
        version = await super().set(op)
        if op.grace is None:
            made = self._rows()[op.secret][0]
            self._rows()[op.secret] = (made, *before)[: self.limits.versions_kept]
        return version


@secrets("U-SE-12", "T2", "a wait sees the writes of its own client only")
class OwnWrites(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        self.__dict__.setdefault("_own", {})[op.secret] = version
        return version

    async def wait(self, op: Await, /) -> str | None:
        own = self.__dict__.setdefault("_own", {})
        now = await super().wait(replace(op, wait=0.0))
        if op.secret not in own:
            own[op.secret] = now
        if op.wait and own[op.secret] == op.known:
            await self._store.clock.sleep(op.wait)
        return own[op.secret]  # type: ignore[no-any-return]


@secrets("U-SE-13", "T2", "a wait is not told of a deletion")
class NotToldOfDeletes(MemorySecrets):
    async def wait(self, op: Await, /) -> str | None:
        version = await super().wait(op)
        if version is None and op.known is not None:
            await self._store.clock.sleep(op.wait)
            return op.known
        return version


@secrets("U-SE-14", "T3", "versions are counted per name and begin again after a delete")
class CountsAnew(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        await super().set(op)
        made, *older = self._rows()[op.secret]
        number = older[0].version + 1 if older else 1
        self._rows()[op.secret] = (replace(made, version=number), *older)
        return str(number)


class _OtherTime(MemorySecrets):
    def _live(self, name: str) -> tuple[_Version, ...]:
        now = self._store.clock.wall()
        held: tuple[_Version, ...] = self._rows().get(name, ())
        return tuple(each for each in held if each.deadline is None or each.deadline > now)


@secrets("U-SE-15", "T3", "a grace ends by the wall clock")
class WallClock(_OtherTime):
    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is not None:
            end = self._store.clock.wall() + op.grace
            made, *older = self._rows()[op.secret]
            ends = [end if each.deadline is None else min(each.deadline, end) for each in older]
            kept = (replace(each, deadline=at) for each, at in zip(older, ends, strict=True))
            self._rows()[op.secret] = (made, *kept)
        return version

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        found = await super().list_versions(op)
        shift = self._store.clock.monotonic() - self._store.clock.wall()
        return tuple(
            each if each.expires_in is None else replace(each, expires_in=each.expires_in + shift)
            for each in found
        )


@secrets("U-SE-16", "T3", "an outage makes the server forget the graces that run")
class ForgetsGraces(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        if came_back(self._store, self._store.__dict__.setdefault("_seen", {})):
            for name, held in self._rows().items():
                self._rows()[name] = tuple(replace(each, deadline=None) for each in held)
        return await super().get(op)


@secrets("U-SE-17", "T3", "in an outage the last known value is answered")
class LastKnown(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        known = self.__dict__.setdefault("_known", {})
        try:
            found = await super().get(op)
        except UnavailableError:
            if op not in known:
                raise
            return known[op]  # type: ignore[no-any-return]
        if found is not None:
            known[op] = found
        return found


@secrets("U-SE-18", "T4", "the cause of an outage's error holds the value that was to be written")
class TellingCause(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError:
            cause = ConnectionError(f"PUT {op.secret} {op.value!r}: connection refused")
            raise UnavailableError("the server is down", outcome=Outcome.NOT_DONE) from cause


@secrets("U-SE-19", "T4", "the versions of a name are listed for all tenants together")
class VersionsOfAll(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        mine = await super().list_versions(op)
        others: list[VersionInfo] = []
        for name in self._rows():
            if name != op.secret and rootless(name) == rootless(op.secret):
                others += await super().list_versions(ListVersions(name))
        return mine and (*mine, *others)


@secrets("U-SE-20", "T2", "a read while a secret is rotated finds nothing for a moment")
class Gap(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        if op.grace is not None:
            await self._store.turn()
            held = self._rows().pop(op.secret, None)
            await pause()
            if held is not None:
                self._rows()[op.secret] = held
        return await super().set(op)
