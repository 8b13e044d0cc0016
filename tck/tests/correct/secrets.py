"""Right secrets drivers that are not like the reference."""

from __future__ import annotations

from dataclasses import replace

from correct.common import correct, cut, meant, slowed, told
from omnicloud.contracts.secrets.driver import Await, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.core.operation import Feature
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore


@correct("secrets")
class Other(MemorySecrets):
    """Two versions of few bytes, short and empty pages, versions of another form, slow."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)

    @property
    def limits(self) -> SecretsLimits:
        return SecretsLimits(value_max_bytes=4096, versions_kept=2)

    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(replace(op, version=meant(op.version)))
        return found and replace(found, version=told(found.version))

    async def set(self, op: Set, /) -> str:
        return told(await super().set(op))

    async def list(self, op: List, /) -> NamePage:
        names = (await super().list(List(op.prefix, limit=1_000_000))).names
        found, cursor = cut([*names], op.cursor, op.limit, 3)
        return NamePage(tuple(found), cursor)

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        found = await super().list_versions(op)
        return tuple(replace(info, version=told(info.version)) for info in found)

    async def wait(self, op: Await, /) -> str | None:
        version = await super().wait(replace(op, known=meant(op.known)))
        return (
            None if version is None else op.known if version == meant(op.known) else told(version)
        )


@correct("secrets")
class Numbered(MemorySecrets):
    """Versions are 1, 2, 3 … of each name, and go on after a delete."""

    async def set(self, op: Set, /) -> str:
        answered = int(await super().set(op))
        counts = self._store.rows(("secret counts", self._table))
        number = counts[op.secret] = counts.get(op.secret, 0) + 1
        rows = self._rows()
        rows[op.secret] = tuple(
            replace(held, version=number) if held.version == answered else held
            for held in rows[op.secret]
        )
        return str(number)


@correct("secrets")
class Bare(MemorySecrets):
    """Neither versions nor watches."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()
