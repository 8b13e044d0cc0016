"""Movers of small values: key-value stores and secrets."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from omnicloud.contracts.kv import KV, Entry, KVFeature
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.errors import SecretNotFoundError, UnsupportedError
from omnicloud.migration.models import Item, Loss, Moved, Notes
from omnicloud.migration.telling import differing, narrower, of_one_scope

__all__ = ["KVMover", "SecretsMover"]

_SHORTEST = 0.001  # seconds to live that can be written


class KVMover:
    """Copies keys with their values and what is left of their lives."""

    def __init__(
        self, source: KV[bytes], target: KV[bytes], prefix: str, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._source, self._target, self._prefix, self._clock = source, target, prefix, clock
        here, there = source.pipeline.driver, target.pipeline.driver
        if KVFeature.SCAN not in here.features:
            raise UnsupportedError("the source cannot list its keys: it does not declare scan")
        self._lives = KVFeature.TTL in there.features

    def losses(self) -> tuple[Loss, ...]:
        here, there = self._source.pipeline.driver, self._target.pipeline.driver
        told = [*of_one_scope(), *narrower(here.limits, there.limits)]
        if KVFeature.TTL in here.features and not self._lives:
            why = "the target does not declare ttl: keys that end would live for ever"
            told.append(Loss("times to live", why, accept="ttl"))
        return tuple(told)

    async def items(self) -> AsyncIterator[Item]:
        async for key in self._source.scan(self._prefix):
            yield Item((key,))

    async def move(self, item: Item, notes: Notes) -> Moved | None:
        (key,) = item.place
        asked = self._clock.monotonic()
        entry = await self._source.get_entry(key)
        if entry is None:
            return None
        if entry.version == notes.version(item.place):
            return Moved(entry.version, written=False)
        ends = None if entry.expires_in is None else asked + entry.expires_in
        life = None if ends is None else ends - self._clock.monotonic()
        if life is not None and life < _SHORTEST:
            return None
        await self._target.set(key, entry.value, ttl=life if self._lives else None)
        back = await self._target.get_entry(key)
        if back is None and ends is not None and ends <= self._clock.monotonic():
            return None
        self._compare(item, entry, back)
        return Moved(entry.version, len(entry.value))

    def _compare(self, item: Item, entry: Entry[bytes], back: Entry[bytes] | None) -> None:
        alive = entry.expires_in is None or not self._lives
        same = back is not None and _checksum(entry.value) == _checksum(back.value)
        if back is None or not same or (back.expires_in is None) is not alive:
            raise differing(item)


class SecretsMover:
    """Copies the current values of secrets."""

    def __init__(self, source: Secrets, target: Secrets, prefix: str) -> None:
        self._source, self._target, self._prefix = source, target, prefix

    def losses(self) -> tuple[Loss, ...]:
        here, there = self._source.pipeline.driver, self._target.pipeline.driver
        why = "the value that is current is copied: older ones, and their graces, stay behind"
        return (*of_one_scope(), Loss("older versions", why), *narrower(here.limits, there.limits))

    async def items(self) -> AsyncIterator[Item]:
        async for name in self._source.list(self._prefix):
            yield Item((name,))

    async def move(self, item: Item, notes: Notes) -> Moved | None:
        (name,) = item.place
        try:
            secret = await self._source.get(name)
        except SecretNotFoundError:
            return None
        if secret.version == notes.version(item.place):
            return Moved(secret.version, written=False)
        await self._target.set(name, secret)
        try:
            back = await self._target.get(name)
        except SecretNotFoundError:
            raise differing(item) from None
        if back != secret:
            raise differing(item)
        return Moved(secret.version, len(secret.reveal_bytes()))


def _checksum(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()
