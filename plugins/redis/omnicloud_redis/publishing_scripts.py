"""The steps of publishing, in Lua, and what the other steps of messaging begin with.

``KEYS`` and ``ARGV`` are those of :mod:`.messaging_scripts`, which also says what the keys hold.
"""

from __future__ import annotations

from omnicloud_redis.lua import CLOCK
from omnicloud_redis.store import Script

__all__ = ["LOG", "PUBLISH", "PUBLISH_ONE"]

# Forget what is older than the retention and settled by all groups.
_TRIM = """
  local keep = now - kept
  for _, group in ipairs(redis.call('SMEMBERS', base .. 'groups')) do
    local first = redis.call('ZRANGE', base .. 'u:' .. group, 0, 0)[1]
    keep = math.min(keep, tonumber(first or redis.call('GET', base .. 'c:' .. group)))
  end
  if keep > 0 then redis.call('XTRIM', log, 'MINID', string.format('%016.0f', keep)) end
"""

# Who finds nothing leaves a mark before it waits: without one nobody would hear the bell.
_RING = """
  if redis.call('DEL', base .. 'asleep') == 1 then
    redis.call('XADD', base .. 'bell', 'MAXLEN', 1, '*', 'r', 1)
  end
"""

LOG = (
    CLOCK
    + """
local log, base, kept = KEYS[1], ARGV[1], tonumber(ARGV[2])
local clock, groups, bell = base .. 'clock', base .. 'groups', base .. 'bell'
local sched, bodies, ids = base .. 'sched', base .. 'bodies', base .. 'ids'
local asleep = base .. 'asleep'
local now = now_us()
local function text(number) return string.format('%016.0f', number) end
local function of(letter, group) return base .. letter .. ':' .. group end

local function ring()
"""
    + _RING
    + """
end
local function trim()
"""
    + _TRIM
    + """
end

local function append(id, key, body, stamp)
  local number = next_number(clock, now)
  redis.call('XADD', log, number .. '-0', 'i', id, 'k', key, 't', stamp, 'b', body)
  if tonumber(number) % 64 == 0 then trim() end
end

-- Publish what is due; whether there is more: a bound on each step keeps it short.
local function move()
  local due = redis.call('ZRANGEBYSCORE', sched, '-inf', now, 'LIMIT', 0, 100)
  for _, number in ipairs(due) do
    local id, key, body, stamp = unpack(cmsgpack.unpack(redis.call('HGET', bodies, number)))
    redis.call('HDEL', ids, id)  -- a full server lets only a step add that has removed something
    append(id, key, body, stamp)
    redis.call('ZREM', sched, number)
    redis.call('HDEL', bodies, number)
  end
  if #due > 0 then ring() end
  return #due == 100
end
"""
)
"""Times, the log, what is due, and the bell."""

PUBLISH_ONE = Script(
    """
local t = redis.call('TIME')
local number = t[1] .. string.sub('00000' .. t[2], -6)
local log, base, stamp = KEYS[1], ARGV[1], number
if redis.call('ZRANGEBYSCORE', base .. 'sched', '-inf', number, 'LIMIT', 0, 1)[1] then return 0 end
local last = redis.call('SET', base .. 'clock', number, 'GET')
if last and last >= number then
  number = string.format('%016.0f', last + 1)
  redis.call('SET', base .. 'clock', number)
end
redis.call('XADD', log, number .. '-0', 'i', ARGV[3], 'k', ARGV[4], 't', stamp, 'b', ARGV[5])
if number % 64 == 0 then
  local now, kept = tonumber(stamp), tonumber(ARGV[2])
"""
    + _TRIM
    + "end"
    + _RING
    + "return 1"
)
"""ARGV: also id, key and body of a message whose id nobody chose, for now.

Answers 0, and does nothing, where something is due that comes before it: then it is for PUBLISH.
It is the step that is taken most often, so it does by itself what :data:`CLOCK` does for others:
numbers of 16 digits are kept and compared as text, which costs the server less.
"""

PUBLISH = Script(
    LOG
    + """
next_number(clock, now)  -- which a full server refuses, before anything is moved
if move() then return 0 end  -- what is due already stands before what comes now
local delay, stamp = tonumber(ARGV[3]), text(now)
local function is_new(id)
  local lasts = string.format('%.0f', math.max(kept, delay) / 1000)
  return redis.call('SET', base .. 'i:' .. id, '', 'PX', lasts, 'NX')
end
for i = 5, #ARGV, 3 do
  local id, key, body = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if ARGV[4] == '0' or is_new(id) then
    if delay > 0 then
      local number = next_number(clock, now)
      redis.call('ZADD', sched, now + delay, number)
      redis.call('HSET', bodies, number, cmsgpack.pack({id, key, body, stamp}))
      redis.call('HSET', ids, id, number)
    else
      append(id, key, body, stamp)
    end
  end
end
ring()
return 1
"""
)
"""ARGV: also delay in microseconds, 1 or 0, then id, key and body of each message.

Answers 0, and publishes none of them, where more is due that comes before: then it is to be asked
again. With 1 ids are remembered, and known ones left out; those that nobody chose are new without
it. A key is nothing, or ``=`` and the key.
"""
