"""The secrets contract in memory: every feature but durability."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsFeature,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.core.operation import Feature
from omnicloud.memory.store import MemoryStore, Rows

__all__ = ["FEATURES", "MemorySecrets"]

FEATURES: frozenset[Feature] = frozenset(SecretsFeature) - {SecretsFeature.DURABLE}


@dataclass(frozen=True, slots=True)
class _Version:
    value: bytes = field(repr=False)
    version: int
    created: float
    deadline: float | None = None


class MemorySecrets:
    """A secrets driver over rows of a :class:`MemoryStore`; the newest version comes first."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        self._store = store
        self._table = ("secrets", namespace)

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> SecretsLimits:
        return SecretsLimits()

    async def get(self, op: Get, /) -> StoredSecret | None:
        await self._store.reading()
        for held in self._live(op.secret):
            if op.version is None or str(held.version) == op.version:
                return StoredSecret(held.value, str(held.version))
        return None

    async def set(self, op: Set, /) -> str:
        await self._store.turn()
        older = self._live(op.secret)
        if op.grace is not None:
            end = self._store.clock.monotonic() + op.grace
            older = tuple(replace(held, deadline=_earlier(held.deadline, end)) for held in older)
        made = _Version(op.value, self._store.number(), self._store.clock.wall())
        kept = self.limits.versions_kept
        self._rows()[op.secret] = (made, *older)[:kept]
        self._store.tell()
        return str(made.version)

    async def delete(self, op: Delete, /) -> bool:
        await self._store.turn()
        there = self._rows().pop(op.secret, None) is not None
        if there:
            self._store.tell()
        return there

    async def list(self, op: List, /) -> NamePage:
        await self._store.reading()
        after = op.cursor or ""
        names = sorted(n for n in self._rows() if n > after and n.startswith(op.prefix))
        more = len(names) > op.limit
        return NamePage(tuple(names[: op.limit]), names[op.limit - 1] if more else None)

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        await self._store.reading()
        now = self._store.clock.monotonic()
        return tuple(
            VersionInfo(
                str(held.version),
                held.created,
                None if held.deadline is None else held.deadline - now,
            )
            for held in self._live(op.secret)
        )

    async def wait(self, op: Await, /) -> str | None:
        until = self._store.clock.monotonic() + op.wait
        while True:
            await self._store.reading()
            live = self._live(op.secret)
            version = str(live[0].version) if live else None
            left = until - self._store.clock.monotonic()
            if version != op.known or left <= 0:
                return version
            await self._store.changed(left)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who made it."""

    # What follows decides without awaiting.

    def _rows(self) -> Rows:
        return self._store.rows(self._table)

    def _live(self, name: str) -> tuple[_Version, ...]:
        now = self._store.clock.monotonic()
        held: tuple[_Version, ...] = self._rows().get(name, ())
        return tuple(each for each in held if each.deadline is None or each.deadline > now)


def _earlier(deadline: float | None, end: float) -> float:
    return end if deadline is None else min(deadline, end)
