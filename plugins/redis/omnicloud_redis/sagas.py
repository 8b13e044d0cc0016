"""The sagas contract on a server.

A saga is one hash. Of each status there are a sorted set of ids by name, for lists, and one by
the last write, for claims: who waited longest comes first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaFeature, SagaLimits, SagaRecord
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import SagaStateConflictError
from omnicloud_redis.commands import Argument
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.lua import CLOCK
from omnicloud_redis.store import Script, Store, keeps_everything, store_of

__all__ = ["FEATURES", "RedisSagas", "open_sagas"]

FEATURES: frozenset[Feature] = frozenset(SagaFeature)

_SPACE = (
    CLOCK
    + """
local clock, base = KEYS[1], ARGV[1]
local now = now_us()
local function saga(id) return base .. 's:' .. id end
local function names(status) return base .. 'n:' .. status end
local function queue(status) return base .. 'q:' .. status end
local function put(id, status, version, about, payload)
  local before = redis.call('HGET', saga(id), 'status')
  if before and before ~= status then
    redis.call('ZREM', names(before), id)
    redis.call('ZREM', queue(before), id)
  end
  redis.call('HSET', saga(id), 'status', status, 'version', version, 'about', about,
    'payload', payload)
  redis.call('ZADD', names(status), 0, id)
  redis.call('ZADD', queue(status), next_number(clock, now), id)
end
local function lease(id, owner, until_us)
  redis.call('HSET', saga(id), 'owner', owner, 'until', string.format('%.0f', until_us))
end
local function record(id)
  local found = redis.call('HMGET', saga(id), 'status', 'version', 'about', 'payload')
  return {id, unpack(found)}
end
"""
)
"""KEYS: clock. ARGV: what the space's keys start with."""

_CREATE = Script(
    _SPACE
    + """
if redis.call('EXISTS', saga(ARGV[2])) == 1 then return 0 end
put(ARGV[2], ARGV[3], 1, ARGV[4], ARGV[5])
if ARGV[6] ~= '' then lease(ARGV[2], ARGV[6]:sub(2), now + tonumber(ARGV[7])) end
return 1
"""
)
"""ARGV: also id, status, about, payload, owner (nothing, or ``=`` and the owner), microseconds."""

_UPDATE = Script(
    _SPACE
    + """
local version = tonumber(redis.call('HGET', saga(ARGV[2]), 'version') or '0')
if version ~= tonumber(ARGV[6]) or version == 0 then return -version end
put(ARGV[2], ARGV[3], version + 1, ARGV[4], ARGV[5])
return version + 1
"""
)
"""ARGV: also id, status, about, payload, version.

Answers the new version; where it is another one that one, negative.
"""

_GET = Script(
    _SPACE
    + "if redis.call('EXISTS', saga(ARGV[2])) == 1 then return record(ARGV[2]) end\nreturn false"
)
"""ARGV: also id."""

_LIST = Script(
    _SPACE
    + """
local found = redis.call('ZRANGEBYLEX', names(ARGV[2]), ARGV[3], '+', 'LIMIT', 0, ARGV[4])
for i, id in ipairs(found) do found[i] = record(id) end
return found
"""
)
"""ARGV: also status, low, limit."""

_CLAIM = Script(
    _SPACE
    + """
local owner, until_us, most, only = ARGV[2], now + tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local statuses, excluded = tonumber(ARGV[6]), {}
for i = 7 + statuses, #ARGV do excluded[ARGV[i]] = true end
local function is_free(id)
  if excluded[id] then return false end
  local held = redis.call('HMGET', saga(id), 'owner', 'until')
  return not held[1] or held[1] == owner or tonumber(held[2]) <= now
end
local free = {}
local function look(status, id, written)
  if is_free(id) then free[#free + 1] = {tonumber(written), id} end
end
for i = 7, 6 + statuses do
  local key, from, enough = queue(ARGV[i]), 0, #free + most
  if only ~= '' then
    local id = only:sub(2)
    local written = redis.call('ZSCORE', key, id)
    if written then look(ARGV[i], id, written) end
  else
    while #free < enough do
      local some = redis.call('ZRANGE', key, from, from + 99, 'WITHSCORES')
      for j = 1, #some, 2 do
        if #free < enough then look(ARGV[i], some[j], some[j + 1]) end
      end
      if #some < 200 then break end
      from = from + 100
    end
  end
end
table.sort(free, function(one, other) return one[1] < other[1] end)
local claimed = {}
for i = 1, math.min(most, #free) do
  lease(free[i][2], owner, until_us)
  claimed[i] = record(free[i][2])
end
return claimed
"""
)
"""ARGV: also owner, microseconds, most, id (nothing, or ``=`` and the id), how many statuses,
the statuses, and the ids that are excluded."""

_KEEP = Script(
    _SPACE
    + """
local held = redis.call('HMGET', saga(ARGV[2]), 'owner', 'until')
if held[1] ~= ARGV[3] or tonumber(held[2]) <= now then return 0 end
lease(ARGV[2], ARGV[3], now + tonumber(ARGV[4]))
return 1
"""
)
"""ARGV: also id, owner, microseconds."""


class RedisSagas:
    """A sagas driver over a :class:`Store`."""

    def __init__(self, store: Store, prefix: bytes, features: frozenset[Feature]) -> None:
        self._store = store
        self._prefix = prefix
        self._features = features

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> SagaLimits:
        return SagaLimits(payload_max_bytes=16 << 20)

    async def create(self, op: Create, /) -> None:
        owner = _optional(op.owner)
        lease = _microseconds(op.lease)
        if not await self._run(_CREATE, op.space, *_parts(op.state), owner, lease):
            raise SagaStateConflictError("there is a saga of that id")

    async def get(self, op: Get, /) -> SagaRecord | None:
        found = await self._run(_GET, op.space, op.saga_id)
        return None if found is None else _record(found)

    async def update(self, op: Update, /) -> int:
        version = await self._run(_UPDATE, op.space, *_parts(op.state), op.state.version)
        if version > 0:
            return int(version)
        if version == 0:
            raise SagaStateConflictError("there is no saga of that id")
        raise SagaStateConflictError(
            f"the saga has version {-version}, not {op.state.version}",
            hint="get it again, and decide again",
        )

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        low = "-" if op.after is None else f"({op.after}"
        return _records(await self._run(_LIST, op.space, op.status, low, op.limit))

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        statuses = tuple(dict.fromkeys(op.statuses))  # one asked twice would be given twice
        return _records(
            await self._run(
                _CLAIM,
                op.space,
                op.owner,
                _microseconds(op.lease),
                op.most,
                _optional(op.saga_id),
                len(statuses),
                *statuses,
                *op.excluded,
            )
        )

    async def keep(self, op: Keep, /) -> bool:
        lease = _microseconds(op.lease)
        return bool(await self._run(_KEEP, op.space, op.saga_id, op.owner, lease))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _run(self, script: Script, space: str, *arguments: Argument) -> Any:
        name = space.encode()
        # With its length before it, no space's keys are another's.
        base = self._prefix + b"%d:" % len(name) + name + b":"
        return await self._store.run(script, (base + b"clock",), (base, *arguments))


async def open_sagas(config: RedisConfig, opening: Opening) -> RedisSagas:
    """A sagas driver on the configured server."""
    store = await store_of(config, opening)
    await keeps_everything(store)
    durable = (await store.facts()).fsyncs
    features = FEATURES if durable else FEATURES - {SagaFeature.DURABLE}
    return RedisSagas(store, config.prefix_of(opening.service.name, "sagas"), features)


def _parts(state: SagaRecord) -> tuple[Argument, ...]:
    about = json.dumps([state.current_step, state.history])
    return state.saga_id, state.status, about, state.payload


def _record(found: Sequence[bytes]) -> SagaRecord:
    saga_id, status, version, about, payload = found
    step, history = json.loads(about)
    return SagaRecord(
        saga_id.decode(),
        status.decode(),
        step,
        tuple((name, state) for name, state in history),
        payload,
        int(version),
    )


def _records(found: Sequence[Sequence[bytes]]) -> tuple[SagaRecord, ...]:
    return tuple(map(_record, found))


def _optional(text: str | None) -> str:
    return "" if text is None else f"={text}"


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
