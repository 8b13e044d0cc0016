"""The locks contract on a server.

A name is three small keys: who holds it until when, with which tokens, and who waits in which
order. Every request reads and changes them in one step, and they end with their last grant.
"""

from __future__ import annotations

import math

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.lua import CLOCK
from omnicloud_redis.store import Script, Store, keeps_everything, store_of

__all__ = ["FEATURES", "RedisLocks", "open_locks"]

FEATURES: frozenset[Feature] = frozenset(LocksFeature)

_LIVING = (
    CLOCK
    + """
local holders, tokens, places, waiting = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now = now_ms()
local function drop(owner)
  redis.call('ZREM', holders, owner)
  redis.call('HDEL', tokens, owner)
  redis.call('ZREM', places, owner)
  redis.call('ZREM', waiting, owner)
end
local function bury(ends)
  for _, owner in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now)) do drop(owner) end
end
local function keep_until(key, ends)
  local last = redis.call('ZREVRANGE', ends, 0, 0, 'WITHSCORES')[2]
  if last then redis.call('PEXPIREAT', key, string.format('%.0f', last + 1000)) end
end
local function tidy()
  keep_until(holders, holders)
  keep_until(tokens, holders)
  keep_until(places, waiting)
  keep_until(waiting, waiting)
end
bury(holders)
bury(waiting)
"""
)
"""KEYS: holders (owner by end), tokens, places (owner by arrival), waiting (owner by end)."""

_ACQUIRE = Script(
    _LIVING
    + """
local owner, ttl, permits = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local token = redis.call('HGET', tokens, owner)
if not token then
  local free = permits - redis.call('ZCARD', holders)
  local place = redis.call('ZRANK', places, owner) or redis.call('ZCARD', places)
  if place >= free then
    if ARGV[4] ~= '' then
      redis.call('ZADD', places, 'NX', next_number(KEYS[5]), owner)
      redis.call('ZADD', waiting, now + tonumber(ARGV[4]), owner)
      tidy()
    end
    return false
  end
  token = next_number(KEYS[5])
  redis.call('HSET', tokens, owner, token)
  redis.call('ZREM', places, owner)
  redis.call('ZREM', waiting, owner)
end
redis.call('ZADD', holders, now + ttl, owner)
tidy()
return token
"""
)
"""KEYS: also clock. ARGV: owner, ms, permits, ms of its place. Answers the token or nothing."""

_RENEW = Script(
    _LIVING
    + """
if not redis.call('ZSCORE', holders, ARGV[1]) then return 0 end
redis.call('ZADD', holders, now + tonumber(ARGV[2]), ARGV[1])
tidy()
return 1
"""
)
"""ARGV: owner, ms. Answers whether it held."""

_RELEASE = Script(_LIVING + "drop(ARGV[1])\ntidy()")
"""ARGV: owner."""


class RedisLocks:
    """A locks driver over a :class:`Store`."""

    def __init__(self, store: Store, prefix: bytes, features: frozenset[Feature]) -> None:
        self._store = store
        self._prefix = prefix
        self._clock = prefix + b"clock"
        self._features = features

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> LocksLimits:
        return LocksLimits()

    async def acquire(self, op: Acquire, /) -> Grant | None:
        place = "" if op.queue_seconds is None else _milliseconds(op.queue_seconds)
        token = await self._store.run(
            _ACQUIRE,
            (*self._keys(op.lock), self._clock),
            (op.owner, _milliseconds(op.ttl), op.permits, place),
        )
        return None if token is None else Grant(int(token))

    async def renew(self, op: Renew, /) -> bool:
        arguments = (op.owner, _milliseconds(op.ttl))
        return bool(await self._store.run(_RENEW, self._keys(op.lock), arguments))

    async def release(self, op: Release, /) -> None:
        await self._store.run(_RELEASE, self._keys(op.lock), (op.owner,))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    def _keys(self, lock: str) -> tuple[bytes, bytes, bytes, bytes]:
        name = lock.encode()
        prefix = self._prefix
        return (
            prefix + b"h:" + name,
            prefix + b"t:" + name,
            prefix + b"p:" + name,
            prefix + b"w:" + name,
        )


async def open_locks(config: RedisConfig, opening: Opening) -> RedisLocks:
    """A locks driver on the configured server."""
    store = await store_of(config, opening)
    await keeps_everything(store)
    durable = (await store.facts()).fsyncs
    features = FEATURES if durable else FEATURES - {LocksFeature.DURABLE}
    return RedisLocks(store, config.prefix_of(opening.service.name, "locks"), features)


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))
