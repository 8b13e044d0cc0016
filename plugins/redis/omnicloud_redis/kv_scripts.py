"""The steps of kv, in Lua. ``KEYS`` and ``ARGV`` are said at each."""

from __future__ import annotations

from omnicloud_redis.lua import CLOCK
from omnicloud_redis.store import Script

__all__ = ["CHANGES", "DELETE", "GET", "INCREMENT", "NUMBER", "SCAN", "SET", "SET_MANY", "WRITING"]

KEPT_CHANGES = 100_000
"""A watch that sleeps through more changes than these misses some."""

WRITING = (
    f"local KEPT = {KEPT_CHANGES}"
    """
local NOW = now_us()
local NOW_MS = math.floor(NOW / 1000)
local function tell(changes, name, version)
  redis.call('XADD', changes, 'MAXLEN', '~', KEPT, '*', 'k', name, 'v', version)
end
local function bury(space, names, ends, changes, most)
  local over = redis.call('ZRANGEBYSCORE', ends, '-inf', NOW_MS, 'LIMIT', 0, most)
  for _, name in ipairs(over) do
    if redis.call('EXISTS', space .. name) == 0 then
      redis.call('ZREM', names, name)
      redis.call('ZREM', ends, name)
      tell(changes, name, '')
    end
  end
end
local function put(key, name, value, ttl, clock, names, ends, changes, version)
  version = version or next_number(clock, NOW)
  if ttl == 'keep' then
    redis.call('SET', key, version .. 't' .. value, 'KEEPTTL')
  elseif ttl == '' then
    redis.call('SET', key, version .. '-' .. value)
    redis.call('ZREM', ends, name)
  else
    redis.call('SET', key, version .. 't' .. value, 'PX', ttl)
    redis.call('ZADD', ends, NOW_MS + tonumber(ttl), name)
  end
  redis.call('ZADD', names, 0, name)
  tell(changes, name, version)
  return version
end
local function drop(key, name, names, ends, changes)
  redis.call('DEL', key)
  redis.call('ZREM', names, name)
  redis.call('ZREM', ends, name)
  tell(changes, name, '')
end
"""
)
"""What writes keys; needs the clock before it."""

_WRITING = CLOCK + WRITING

NUMBER = Script(CLOCK + "return next_number(KEYS[1])")
"""KEYS: clock. Answers a version that no key ever had."""

GET = Script(
    """
local answer = {}
for i, key in ipairs(KEYS) do
  answer[2 * i - 1] = redis.call('GET', key)
  answer[2 * i] = redis.call('PTTL', key)
end
return answer
"""
)
"""KEYS: values. Answers value and milliseconds to live (negative: for ever) of each."""

SET = Script(
    _WRITING
    + """
local condition = ARGV[5]
if condition ~= '' then
  local current = redis.call('GETRANGE', KEYS[1], 0, 15)
  if condition == '!' then
    if current ~= '' then return '' end
  elseif current == '' or '=' .. current ~= condition then
    return ''
  end
end
bury(ARGV[1], KEYS[3], KEYS[4], KEYS[5], 2)
return put(KEYS[1], ARGV[2], ARGV[3], ARGV[4], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
"""
)
"""KEYS: value, clock, names, ends, changes. ARGV: space, name, value, ms, condition.

The condition is nothing, ``!`` (absent) or ``=`` and the version.

Answers the version, or nothing where the condition does not hold.
"""

SET_MANY = Script(
    _WRITING
    + """
bury(ARGV[1], KEYS[2], KEYS[3], KEYS[4], 10)
for i = 5, #KEYS do
  local at = 3 + 2 * (i - 5)
  put(KEYS[i], ARGV[at], ARGV[at + 1], ARGV[2], KEYS[1], KEYS[2], KEYS[3], KEYS[4])
end
return #KEYS - 4
"""
)
"""KEYS: clock, names, ends, changes, values. ARGV: space, ms, name and value of each."""

DELETE = Script(
    _WRITING
    + """
local done = 0
for i = 5, #KEYS do
  local current = redis.call('GETRANGE', KEYS[i], 0, 15)
  if ARGV[2] ~= '' and current ~= ARGV[2] then return -1 end
  if current ~= '' then
    drop(KEYS[i], ARGV[i - 2], KEYS[2], KEYS[3], KEYS[4])
    done = done + 1
  end
end
return done
"""
)
"""KEYS: clock, names, ends, changes, values. ARGV: space, version, names. Answers how many."""

SCAN = Script(
    """
local limit = tonumber(ARGV[4])
local found = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, limit + 1)
local live = {}
for i = 1, math.min(limit, #found) do
  if redis.call('EXISTS', ARGV[1] .. found[i]) == 1 then live[#live + 1] = found[i] end
end
return {live, #found > limit and found[limit]}
"""
)
"""KEYS: names. ARGV: space, low, high, limit. Answers live names, and the last one looked at."""

INCREMENT = Script(
    _WRITING
    + """
local stored = redis.call('GET', KEYS[1])
local mark, number = '-', '0'
if stored then mark, number = stored:sub(17, 17), stored:sub(18) end
if #number > 20 then return '' end
-- Lua's numbers are doubles: the server adds, in 64 bit.
redis.call('SET', KEYS[2] .. ':sum', number)
local failed = type(redis.pcall('INCRBY', KEYS[2] .. ':sum', ARGV[3])) == 'table'
local sum = redis.call('GET', KEYS[2] .. ':sum')
redis.call('DEL', KEYS[2] .. ':sum')
if failed then return '' end
local ttl = mark == 't' and 'keep' or ''
put(KEYS[1], ARGV[2], sum, ttl, KEYS[2], KEYS[3], KEYS[4], KEYS[5])
return sum
"""
)
"""KEYS: value, clock, names, ends, changes. ARGV: space, name, delta. Answers the sum's digits."""

CHANGES = Script(
    _WRITING
    + """
bury(ARGV[1], KEYS[2], KEYS[3], KEYS[4], 100)
local cursor = ARGV[2]
if cursor == '' then
  local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
  return {{}, last[1] and last[1][1] or '0-0', -1}
end
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
local soon = first[2] and math.max(0, tonumber(first[2]) - NOW_MS) or -1
return {redis.call('XRANGE', KEYS[4], '(' .. cursor, '+', 'COUNT', 1000), cursor, soon}
"""
)
"""KEYS: clock, names, ends, changes. ARGV: space, cursor.

Answers changes after the cursor, the cursor of now, milliseconds to the next end of a life.
"""
