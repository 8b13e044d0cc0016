"""secrets drivers that are wrong in one verb."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Delete as DeleteSecret
from omnicloud.contracts.secrets.driver import Get as GetSecret
from omnicloud.contracts.secrets.driver import List, ListVersions
from omnicloud.contracts.secrets.driver import Set as SetSecret
from omnicloud.contracts.secrets.models import NamePage, StoredSecret, VersionInfo
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"VERB-SE-{number}", tier, summary, SecretsContract)


@secrets("01", "T4", "a version of another secret is served under any name")
class VersionOfAny(MemorySecrets):
    async def get(self, op: GetSecret, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None and op.version is not None and op.secret in self._rows():
            for name in self._rows():
                found = await super().get(replace(op, secret=name))
                if found is not None:
                    return found
        return found


@secrets("02", "T4", "old versions are readable after a delete")
class VersionsStay(MemorySecrets):
    async def delete(self, op: DeleteSecret, /) -> bool:
        held = self._live(op.secret)
        there = await super().delete(op)
        if there:
            self._store.rows("gone").setdefault(op.secret, []).extend(held)
        return there

    async def get(self, op: GetSecret, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is None and op.version is not None:
            for held in self._store.rows("gone").get(op.secret, ()):
                if str(held.version) == op.version:
                    return StoredSecret(held.value, op.version)
        return found


@secrets("03", "T1", "setting the same value makes no new version")
class SameNoVersion(MemorySecrets):
    async def set(self, op: SetSecret, /) -> str:
        await self._store.turn()
        held = self._live(op.secret)
        if held and held[0].value == op.value and op.grace is None:
            return str(held[0].version)
        return await super().set(op)


@secrets("04", "T1", "rotating with the same value ends nothing")
class SameNoGrace(MemorySecrets):
    async def set(self, op: SetSecret, /) -> str:
        await self._store.turn()
        held = self._live(op.secret)
        same = bool(held) and held[0].value == op.value
        return await super().set(replace(op, grace=None) if same else op)


@secrets("05", "T1", "versions are listed oldest first")
class OldestFirst(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        return (await super().list_versions(op))[::-1]


@secrets("06", "T1", "names are listed without case order")
class CaselessOrder(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        return NamePage(tuple(sorted(page.names, key=str.casefold)), page.cursor)


@secrets("07", "T1", "an old version is stripped of white space")
class OldStripped(MemorySecrets):
    async def get(self, op: GetSecret, /) -> StoredSecret | None:
        found = await super().get(op)
        if found is not None and op.version is not None:
            return StoredSecret(found.value.strip(), found.version)
        return found


@secrets("08", "T1", "a version's moment of creation is that of its last reading")
class CreatedNow(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        now = self._store.clock.wall()
        return tuple(replace(v, created=now) for v in await super().list_versions(op))


@secrets("09", "T1", "a secret that is deleted and set again shows its old versions")
class OldReturn(MemorySecrets):
    async def delete(self, op: DeleteSecret, /) -> bool:
        held = self._live(op.secret)
        there = await super().delete(op)
        if there:
            self._store.rows("gone")[op.secret] = held
        return there

    async def set(self, op: SetSecret, /) -> str:
        version = await super().set(op)
        old = self._store.rows("gone").pop(op.secret, ())
        if old and op.grace is None:
            self._rows()[op.secret] = (*self._rows()[op.secret], *old)
        return version
