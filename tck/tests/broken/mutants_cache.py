"""Cache drivers as a machine changed them: bounds that are declared and not kept."""

from __future__ import annotations

from typing import Any

from broken.registry import broken
from omnicloud.contracts.cache.models import CacheLimits
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.shelf import Entry, Shelf
from omnicloud_tck.cache import CacheContract


def cache(number: str, tier: str, summary: str) -> Any:
    return broken(f"MUT-CA-{number}", tier, summary, CacheContract)


class _Endless(Shelf):
    """Evicts nothing."""

    def _is_too_much(self) -> bool:
        return False


class _OneForOne(Shelf):
    """Evicts one entry for one, however large."""

    def put(self, key: str, entry: Entry) -> None:
        before, self._limits = self._limits, CacheLimits()
        super().put(key, entry)
        self._limits = before
        if self._is_too_much():
            self._remove(next(iter(self._entries)))


class _On(MemoryCache):
    shelf: type[Shelf] = _Endless

    def _shelf(self) -> Shelf:
        rows = self._store.rows(self._table)
        made: Shelf = rows.setdefault("shelf", self.shelf(self.limits))
        return made


@cache("01", "T3", "more than max_bytes evicts nothing")
class Endless(_On):
    """ "More bytes of values than this evict others". Met by a process that runs out of memory."""


@cache("02", "T3", "one entry is evicted for one that is written, however large that is")
class OneForOne(_On):
    """The same, met where small entries make room for large ones."""

    shelf = _OneForOne


@cache("03", "T3", "more than max_entries evicts nothing")
class EndlessEntries(_On):
    """ "More entries than this evict others"."""

    @property
    def limits(self) -> CacheLimits:
        return CacheLimits(max_entries=100)
