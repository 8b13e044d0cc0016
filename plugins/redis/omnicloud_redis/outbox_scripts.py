"""The steps of the outbox, in Lua.

``KEYS[1]`` is the space's clock, ``ARGV[1]`` what all its keys start with. ``e:ID`` is an
event. Sorted sets hold ids by the number of their arrival:

==============  ===========================================================================
``i:STATUS:A``  the events of a status and an aggregate (``=`` and its key, or nothing)
``all:STATUS``  all events of a status
``free``        those that may be claimed: of an aggregate only the oldest
==============  ===========================================================================

Others are by time: ``waits`` (next attempt), ``claims`` (end of a claim), ``done`` (when
processed). ``held`` counts the claimed and parked events of each aggregate: while there is one,
none of it is free. ``keys`` are the aggregates with a pending event.
"""

from __future__ import annotations

from omnicloud_redis.lua import CLOCK
from omnicloud_redis.store import Script

__all__ = [
    "AGGREGATES",
    "CLAIM",
    "FAIL",
    "KEEP",
    "KEEPING",
    "LAG",
    "LIST",
    "MARK",
    "PURGE",
    "RECORDS",
    "REQUEUE",
    "SAVE",
]

KEEPING = """
local now = now_us()
local free, waits, claims = base .. 'free', base .. 'waits', base .. 'claims'
local done, held, keys, bell = base .. 'done', base .. 'held', base .. 'keys', base .. 'bell'
local function event(id) return base .. 'e:' .. id end
local function index(status, aggregate) return base .. 'i:' .. status .. ':' .. aggregate end
local function all(status) return base .. 'all:' .. status end
local function get(id, name) return redis.call('HGET', event(id), name) end
local function ring() redis.call('XADD', bell, 'MAXLEN', 1, '*', 'r', 1) end
local function enter(id, status, number, aggregate)
  redis.call('HSET', event(id), 'status', status)
  redis.call('ZADD', index(status, aggregate), number, id)
  redis.call('ZADD', all(status), number, id)
  if status == 'pending' and aggregate ~= '' then redis.call('ZADD', keys, 0, aggregate:sub(2)) end
end
local function leave(id, status, aggregate)
  redis.call('ZREM', index(status, aggregate), id)
  redis.call('ZREM', all(status), id)
  if status == 'pending' and aggregate ~= '' then
    local left = redis.call('EXISTS', index(status, aggregate))
    if left == 0 then redis.call('ZREM', keys, aggregate:sub(2)) end
  end
end
-- Let an event be claimed now, or when its time has come.
local function offer(id)
  local ready_at = tonumber(get(id, 'ready') or '0')
  if ready_at > now then redis.call('ZADD', waits, ready_at, id)
  else redis.call('ZADD', free, get(id, 'number'), id) end
end
local function offer_oldest(aggregate)
  if tonumber(redis.call('HGET', held, aggregate) or '0') > 0 then return end
  local oldest = redis.call('ZRANGE', index('pending', aggregate), 0, 0)[1]
  if oldest then offer(oldest) end
end
local function hold(aggregate, count)
  if aggregate == '' then return end
  if redis.call('HINCRBY', held, aggregate, count) <= 0 then redis.call('HDEL', held, aggregate) end
end
local function again(id, aggregate)
  if aggregate == '' then offer(id) else offer_oldest(aggregate) end
end
local function release(id)
  local aggregate = get(id, 'aggregate')
  redis.call('ZREM', claims, id)
  hold(aggregate, -1)
  again(id, aggregate)
end
local function tick()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', claims, '-inf', now, 'LIMIT', 0, 1000)) do
    release(id)
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', waits, '-inf', now, 'LIMIT', 0, 1000)) do
    redis.call('ZREM', waits, id)
    again(id, get(id, 'aggregate'))
  end
end
local function is_claimed(id, owner)
  local ends = tonumber(redis.call('ZSCORE', claims, id) or '0')
  return ends > now and get(id, 'owner') == owner
end
local function record(id)
  return redis.call('HMGET', event(id), 'id', 'about', 'payload', 'sequence', 'status',
    'attempts', 'saved')
end
local function save(id, aggregate, about, payload)
  if redis.call('EXISTS', event(id)) == 1 then return end
  local number, sequence = next_number(clock, now), ''
  if aggregate ~= '' then sequence = redis.call('HINCRBY', base .. 'sequences', aggregate, 1) end
  redis.call('HSET', event(id), 'id', id, 'about', about, 'payload', payload, 'number', number,
    'sequence', sequence, 'attempts', 0, 'aggregate', aggregate,
    'saved', string.format('%.0f', now))
  enter(id, 'pending', number, aggregate)
  again(id, aggregate)
  ring()
end
local function mark(id)
  local status = get(id, 'status')
  if not status or status == 'processed' then return end
  local aggregate = get(id, 'aggregate')
  local claimed = redis.call('ZREM', claims, id) == 1
  leave(id, status, aggregate)
  enter(id, 'processed', get(id, 'number'), aggregate)
  redis.call('ZREM', free, id)
  redis.call('ZREM', waits, id)
  redis.call('ZADD', done, now, id)
  if claimed or status == 'parked' then hold(aggregate, -1) end
  if aggregate ~= '' then offer_oldest(aggregate) end
  ring()
end
"""
"""What keeps events; needs ``clock`` and ``base`` before it."""

_SPACE = CLOCK + "local clock, base = KEYS[1], ARGV[1]" + KEEPING

SAVE = Script(_SPACE + "save(ARGV[2], ARGV[3], ARGV[4], ARGV[5])")
"""ARGV: also id, aggregate, about, payload."""

MARK = Script(_SPACE + "for i = 2, #ARGV do mark(ARGV[i]) end")
"""ARGV: also ids."""

LIST = Script(
    _SPACE
    + """
local after, ids = '-inf', {}
if ARGV[4] ~= '' then
  after = get(ARGV[4]:sub(2), 'number')
  if not after then return ids end
  after = '(' .. after
end
local list = ARGV[3] == '*' and all(ARGV[2]) or index(ARGV[2], ARGV[3])
ids = redis.call('ZRANGEBYSCORE', list, after, '+inf', 'LIMIT', 0, ARGV[5])
for i, id in ipairs(ids) do ids[i] = record(id) end
return ids
"""
)
"""ARGV: also status, aggregate (or ``*``), the id after which (``=`` and it, or nothing), limit."""

RECORDS = Script(
    _SPACE
    + """
local found = {}
for i = 2, #ARGV do
  if redis.call('EXISTS', event(ARGV[i])) == 1 then found[#found + 1] = record(ARGV[i]) end
end
return found
"""
)
"""ARGV: also ids. Answers the events of these."""

AGGREGATES = Script(
    "return redis.call('ZRANGEBYLEX', ARGV[1] .. 'keys', ARGV[2], '+', 'LIMIT', 0, ARGV[3])"
)
"""ARGV: also low, limit."""

CLAIM = Script(
    _SPACE
    + """
local owner, most, until_us = ARGV[2], tonumber(ARGV[3]), now + tonumber(ARGV[4])
tick()
local claimed, behind = {}, {}
while #claimed < most do
  local id = redis.call('ZPOPMIN', free)[1]
  if not id then break end
  local aggregate = get(id, 'aggregate')
  redis.call('HSET', event(id), 'owner', owner)
  redis.call('ZADD', claims, string.format('%.0f', until_us), id)
  hold(aggregate, 1)
  claimed[#claimed + 1] = record(id)
  if aggregate ~= '' then
    -- The next of the aggregate may follow in this claim, in its place by age.
    local list, number = index('pending', aggregate), get(id, 'number')
    local next_id = redis.call('ZRANGEBYSCORE', list, '(' .. number, '+inf', 'LIMIT', 0, 1)[1]
    if next_id and tonumber(get(next_id, 'ready') or '0') <= now then
      redis.call('ZADD', free, get(next_id, 'number'), next_id)
      behind[#behind + 1] = next_id
    end
  end
end
for _, id in ipairs(behind) do redis.call('ZREM', free, id) end
local soon = -1
for _, times in ipairs({waits, claims}) do
  local first = tonumber(redis.call('ZRANGE', times, 0, 0, 'WITHSCORES')[2])
  if first and (soon < 0 or first - now < soon) then soon = math.max(0, first - now) end
end
local rung = redis.call('XREVRANGE', bell, '+', '-', 'COUNT', 1)[1]
return {claimed, rung and rung[1] or '0-0', soon}
"""
)
"""ARGV: also owner, most, lease in microseconds.

Answers events, the last ring of the bell and the microseconds until something comes of itself
(negative: never).
"""

KEEP = Script(
    _SPACE
    + """
local lease = tonumber(ARGV[3])
for i = 4, #ARGV do
  if is_claimed(ARGV[i], ARGV[2]) then
    if lease > 0 then redis.call('ZADD', claims, string.format('%.0f', now + lease), ARGV[i])
    else release(ARGV[i]) end
  end
end
ring()
"""
)
"""ARGV: also owner, lease in microseconds, ids."""

FAIL = Script(
    _SPACE
    + """
local id = ARGV[3]
if not is_claimed(id, ARGV[2]) then return end
redis.call('HINCRBY', event(id), 'attempts', 1)
if ARGV[5] == '1' then
  local aggregate = get(id, 'aggregate')
  redis.call('ZREM', claims, id)
  leave(id, 'pending', aggregate)
  enter(id, 'parked', get(id, 'number'), aggregate)
else
  redis.call('HSET', event(id), 'ready', string.format('%.0f', now + tonumber(ARGV[4])))
  release(id)
end
ring()
"""
)
"""ARGV: also owner, id, delay in microseconds, whether to park."""

REQUEUE = Script(
    _SPACE
    + """
local id = ARGV[2]
if get(id, 'status') ~= 'parked' then return 0 end
local aggregate = get(id, 'aggregate')
redis.call('HSET', event(id), 'attempts', 0, 'ready', 0)
leave(id, 'parked', aggregate)
enter(id, 'pending', get(id, 'number'), aggregate)
hold(aggregate, -1)
again(id, aggregate)
ring()
return 1
"""
)
"""ARGV: also id. Answers whether it was parked."""

LAG = Script(
    _SPACE
    + """
local oldest, age = redis.call('ZRANGE', all('pending'), 0, 0)[1], 0
if oldest then age = math.max(0, now - tonumber(get(oldest, 'saved'))) end
return {redis.call('ZCARD', all('pending')), redis.call('ZCARD', all('parked')), age}
"""
)
"""Answers how many are pending and parked, and the microseconds of the oldest pending one."""

PURGE = Script(
    _SPACE
    + """
local before = string.format('%.0f', now - tonumber(ARGV[2]))
local old = redis.call('ZRANGEBYSCORE', done, '-inf', before, 'LIMIT', 0, ARGV[3])
for _, id in ipairs(old) do
  leave(id, 'processed', get(id, 'aggregate'))
  redis.call('ZREM', done, id)
  redis.call('DEL', event(id))
end
return #old
"""
)
"""ARGV: also age in microseconds, most. Answers how many."""
