"""The cache contract on a server: one string a key, whose life the server ends.

The server may evict what it likes. A claim is a key of its own; every write of a value deletes
it in the same step, so a loader's value that has become stale is not stored.
"""

from __future__ import annotations

import math

from omnicloud.contracts.cache.driver import (
    Claim,
    Clear,
    Delete,
    Fill,
    Get,
    Set,
    Touch,
    Unclaim,
)
from omnicloud.contracts.cache.models import Cached, CacheFeature, CacheLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.store import Script, Store, store_of

__all__ = ["FEATURES", "RedisCache", "open_cache"]

FEATURES: frozenset[Feature] = frozenset(CacheFeature)

_LIMITS = CacheLimits(value_max_bytes=16 << 20)
_SCANNED = 1000  # keys that the server looks at in one step of a clear
_PATTERN = {ord(sign): f"\\{sign}" for sign in "*?[]^\\"}

_PUT = """
local function put(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value)
  else redis.call('SET', key, value, 'PX', ttl) end
end
"""

_GET = Script("return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}")
"""KEYS: value. Answers it, and milliseconds to live (negative: for ever)."""

_SET = Script(_PUT + "redis.call('DEL', KEYS[2])\nput(KEYS[1], ARGV[1], ARGV[2])")
"""KEYS: value, claim. ARGV: value, ms."""

_FILL = Script(
    _PUT
    + """
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('DEL', KEYS[2])
put(KEYS[1], ARGV[1], ARGV[2])
return 1
"""
)
"""KEYS: value, claim. ARGV: value, ms, owner. Answers whether the claim stood."""

_CLAIM = Script(
    """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
)
"""KEYS: claim. ARGV: owner, ms. Answers whether it is the owner's."""

_UNCLAIM = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end")
"""KEYS: claim. ARGV: owner."""

_TOUCH = Script(
    """
if ARGV[1] ~= '' then return redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
redis.call('PERSIST', KEYS[1])
return redis.call('EXISTS', KEYS[1])
"""
)
"""KEYS: value. ARGV: ms. Answers whether it was live."""


class RedisCache:
    """A cache driver over a :class:`Store`."""

    def __init__(self, store: Store, prefix: bytes) -> None:
        self._store = store
        self._values = prefix + b"v:"
        self._claims = prefix + b"c:"

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> CacheLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> Cached | None:
        value, left = await self._store.run(_GET, (self._values + op.key.encode(),))
        if value is None:
            return None
        return Cached(value, left / 1000 if left >= 0 else None)

    async def set(self, op: Set, /) -> None:
        await self._store.run(_SET, self._both(op.key), (op.value, _milliseconds(op.ttl)))

    async def delete(self, op: Delete, /) -> None:
        await self._store.call("DEL", *self._both(op.key))

    async def touch(self, op: Touch, /) -> bool:
        key = self._values + op.key.encode()
        return bool(await self._store.run(_TOUCH, (key,), (_milliseconds(op.ttl),)))

    async def clear(self, op: Clear, /) -> None:
        # Claims first: what a loader fills in afterwards would be stale and stay.
        for space in (self._claims, self._values):
            await self._clear(space, op)

    async def claim(self, op: Claim, /) -> bool:
        key = self._claims + op.key.encode()
        arguments = (op.owner, _milliseconds(op.seconds))
        return bool(await self._store.run(_CLAIM, (key,), arguments))

    async def fill(self, op: Fill, /) -> bool:
        arguments = (op.value, _milliseconds(op.ttl), op.owner)
        return bool(await self._store.run(_FILL, self._both(op.key), arguments))

    async def unclaim(self, op: Unclaim, /) -> None:
        await self._store.run(_UNCLAIM, (self._claims + op.key.encode(),), (op.owner,))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    def _both(self, key: str) -> tuple[bytes, bytes]:
        name = key.encode()
        return self._values + name, self._claims + name

    async def _clear(self, space: bytes, op: Clear) -> None:
        pattern = (space.decode() + op.prefix).translate(_PATTERN) + "*"
        cursor = b"0"
        while True:
            cursor, found = await self._store.call(
                "SCAN", cursor, "MATCH", pattern, "COUNT", _SCANNED
            )
            doomed = [key for key in found if op.covers(key[len(space) :].decode())]
            if doomed:
                await self._store.call("UNLINK", *doomed)
            if cursor in (b"0", 0):
                return


async def open_cache(config: RedisConfig, opening: Opening) -> RedisCache:
    """A cache driver on the configured server."""
    store = await store_of(config, opening)
    return RedisCache(store, config.prefix_of(opening.service.name, "cache"))


def _milliseconds(ttl: float | None) -> int | str:
    return "" if ttl is None else max(1, math.ceil(ttl * 1000))
