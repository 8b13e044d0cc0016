"""The steps of messaging, in Lua.

``KEYS[1]`` is the topic's log, a stream whose ids are the numbers of its messages; ``ARGV[1]``
is what the topic's other keys start with, ``ARGV[2]`` the retention in microseconds. Per group:

========  ============================================================================
``c:G``   the last number taken over from the log
``u:G``   unsettled numbers          ``r:G``   those that may be lent
``l:G``   lent ones, by lease's end  ``w:G``   between two attempts, by the next one's time
``k:G``   keys of unsettled numbers  ``h:G``   of each key the number at its head
``n:…``   numbers behind the head    ``a:G``   attempts
``s:G``   receipts                   ``x:G``   redriven messages, a stream like the log
``d:G``   numbers of dead letters
========  ============================================================================
"""

from __future__ import annotations

from omnicloud_redis.publishing_scripts import LOG
from omnicloud_redis.store import Script

__all__ = [
    "CANCEL",
    "DEAD",
    "EXTEND",
    "LEND",
    "MEASURE",
    "REDRIVE",
    "REPLAY",
    "SETTLE",
    "SUBSCRIBE",
]

_TOPIC = (
    LOG
    + """
local dead = base .. 'dead'
local function lane(group, key) return base .. 'n:' .. #group .. ':' .. group .. key end
local function number_of(id) return id:sub(1, 16) end
local function push(group, key, number) redis.call('ZADD', lane(group, key), number, number) end
local function ready(group, number) redis.call('ZADD', of('r', group), number, number) end

-- Put a message into its place among the group's.
local function add(group, number, key)
  redis.call('ZADD', of('u', group), number, number)
  if key == '' then return ready(group, number) end
  redis.call('HSET', of('k', group), number, key)
  local head = redis.call('HGET', of('h', group), key)
  if not head then
    redis.call('HSET', of('h', group), key, number)
    return ready(group, number)
  end
  if tonumber(number) < tonumber(head) and redis.call('ZSCORE', of('r', group), head) then
    redis.call('HSET', of('h', group), key, number)
    redis.call('ZREM', of('r', group), head)
    ready(group, number)
    number = head
  end
  push(group, key, number)
end

local function field(fields, name)
  for i = 1, #fields, 2 do if fields[i] == name then return fields[i + 1] end end
end

-- Take over from the log what is new; whether there is more.
local function pull(group, most)
  local cursor = redis.call('GET', of('c', group))
  local found = redis.call('XRANGE', log, '(' .. cursor .. '-0', '+', 'COUNT', most)
  for _, entry in ipairs(found) do add(group, number_of(entry[1]), field(entry[2], 'k')) end
  if #found > 0 then redis.call('SET', of('c', group), number_of(found[#found][1])) end
  return #found == most
end

-- End leases and waits that are over.
local function tick(group)
  for _, letter in ipairs({'l', 'w'}) do
    local over = redis.call('ZRANGEBYSCORE', of(letter, group), '-inf', now, 'LIMIT', 0, 1000)
    for _, number in ipairs(over) do
      redis.call('ZREM', of(letter, group), number)
      ready(group, number)
    end
  end
end

-- The number that a receipt is good for.
local function held(group, receipt)
  local number = number_of(receipt)
  if redis.call('HGET', of('s', group), number) ~= receipt then return nil end
  local ends = redis.call('ZSCORE', of('l', group), number)
  return ends and tonumber(ends) > now and number
end

-- Forget a lent message; the next of its key may be lent.
local function remove(group, number)
  for _, letter in ipairs({'u', 'r', 'l', 'w'}) do redis.call('ZREM', of(letter, group), number) end
  redis.call('HDEL', of('a', group), number)
  redis.call('HDEL', of('s', group), number)
  redis.call('XDEL', of('x', group), number .. '-0')
  local key = redis.call('HGET', of('k', group), number)
  if not key then return end
  redis.call('HDEL', of('k', group), number)
  local next = redis.call('ZPOPMIN', lane(group, key))[1]
  if next then
    redis.call('HSET', of('h', group), key, next)
    ready(group, next)
    ring()
  else
    redis.call('HDEL', of('h', group), key)
  end
end

local function message(group, number)
  local id = number .. '-0'
  local found = redis.call('XRANGE', log, id, id)[1]
  found = found or redis.call('XRANGE', of('x', group), id, id)[1]
  return found and found[2]
end
"""
)

SUBSCRIBE = Script(
    _TOPIC
    + """
if redis.call('SADD', groups, ARGV[3]) == 1 then
  redis.call('SET', of('c', ARGV[3]), text(math.max(0, now - kept)))
end
return 1
"""
)
"""ARGV: also group."""

LEND = Script(
    _TOPIC
    + """
local group, most, lease = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('SISMEMBER', groups, group) == 0 then return false end
local more = move()
tick(group)
local lent, pulls = {}, 0
while #lent < most do
  local number = redis.call('ZPOPMIN', of('r', group))[1]
  if number then
    local fields = message(group, number)
    if fields then
      local receipt = number .. '-' .. next_number(clock, now)
      local attempt = redis.call('HINCRBY', of('a', group), number, 1)
      redis.call('HSET', of('s', group), number, receipt)
      redis.call('ZADD', of('l', group), now + lease, number)
      lent[#lent + 1] = {fields, attempt, receipt}
    else
      -- Someone deleted it from the log: there is nothing left to deliver.
      remove(group, number)
    end
  elseif pulls == 10 then
    more = true
    break
  else
    pulls = pulls + 1
    if not pull(group, 200) and redis.call('ZCARD', of('r', group)) == 0 then break end
  end
end
if #lent == 0 or now % 64 == 0 then trim() end
local soon = more and 0 or -1
for _, times in ipairs({sched, of('l', group), of('w', group)}) do
  local first = tonumber(redis.call('ZRANGE', times, 0, 0, 'WITHSCORES')[2])
  if first and (soon < 0 or first - now < soon) then soon = math.max(0, first - now) end
end
if #lent == 0 then redis.call('SET', asleep, 1, 'NX') end
local rung = redis.call('XREVRANGE', bell, '+', '-', 'COUNT', 1)[1]
return {lent, rung and rung[1] or '0-0', soon}
"""
)
"""ARGV: also group, most, lease in microseconds.

Answers deliveries, the last ring of the bell and the microseconds until something comes of
itself (negative: never), or nothing where there is no such group.
"""

SETTLE = Script(
    _TOPIC
    + """
local group, verb = ARGV[3], ARGV[5]
local number = held(group, ARGV[4])
if not number then return 0 end
if verb == 'nack' then
  redis.call('ZREM', of('l', group), number)
  redis.call('HDEL', of('s', group), number)
  if ARGV[7] == '0' then redis.call('HINCRBY', of('a', group), number, -1) end
  local delay = tonumber(ARGV[6])
  if delay > 0 then redis.call('ZADD', of('w', group), now + delay, number)
  else ready(group, number) end
  ring()
  return 1
end
if verb == 'kill' then
  local fields = message(group, number)
  local attempts = redis.call('HGET', of('a', group), number)
  local death = next_number(clock, now)
  redis.call('XADD', dead, death .. '-0', 'g', group, 'r', ARGV[6], 'n', attempts,
    'd', text(now), unpack(fields))
  redis.call('ZADD', of('d', group), death, death)
end
remove(group, number)
if now % 64 == 0 then trim() end
return 1
"""
)
"""ARGV: also group, receipt, and ack; or nack, delay, count; or kill, reason."""

EXTEND = Script(
    _TOPIC
    + """
local group, good = ARGV[3], {}
for i = 5, #ARGV do
  local number = held(group, ARGV[i])
  if number then
    redis.call('ZADD', of('l', group), now + tonumber(ARGV[4]), number)
    good[#good + 1] = ARGV[i]
  end
end
return good
"""
)
"""ARGV: also group, lease in microseconds, receipts. Answers those that are good."""

DEAD = Script(
    _TOPIC
    + """
local group, after, most = ARGV[3], ARGV[4], tonumber(ARGV[5])
if group == '' then return redis.call('XRANGE', dead, '(' .. after .. '-0', '+', 'COUNT', most) end
local found, deaths = {}, of('d', group:sub(2))
local numbers = redis.call('ZRANGEBYSCORE', deaths, '(' .. after, '+inf', 'LIMIT', 0, most)
for i, number in ipairs(numbers) do
  found[i] = redis.call('XRANGE', dead, number .. '-0', number .. '-0')[1]
end
return found
"""
)
"""ARGV: also group (nothing, or ``=`` and the group), number after which, most."""

REDRIVE = Script(
    _TOPIC
    + """
if move() then return {0, 1} end
local moved, more = 0, 0
for i = 3, #ARGV do
  local entry = redis.call('XRANGE', dead, ARGV[i] .. '-0', ARGV[i] .. '-0')[1]
  if entry then
    local fields = entry[2]
    local group = field(fields, 'g')
    if pull(group, 1000) then
      more = 1
      break
    end
    local number = next_number(clock, now)
    redis.call('XADD', of('x', group), number .. '-0', 'i', field(fields, 'i'),
      'k', field(fields, 'k'), 't', field(fields, 't'), 'b', field(fields, 'b'))
    redis.call('XDEL', dead, entry[1])
    redis.call('ZREM', of('d', group), ARGV[i])
    add(group, number, field(fields, 'k'))
    moved = moved + 1
  end
end
ring()
return {moved, more}
"""
)
"""ARGV: also numbers of dead letters.

Answers how many it gave back, and whether to ask again, for what comes before the others.
"""

CANCEL = Script(
    _TOPIC
    + """
local number = redis.call('HGET', ids, ARGV[3])
if not number or tonumber(redis.call('ZSCORE', sched, number)) <= now then return 0 end
redis.call('ZREM', sched, number)
redis.call('HDEL', bodies, number)
redis.call('HDEL', ids, ARGV[3])
redis.call('DEL', base .. 'i:' .. ARGV[3])
return 1
"""
)
"""ARGV: also the id."""

REPLAY = Script(
    _TOPIC
    + """
local group, since, after = ARGV[3], tonumber(ARGV[4]), ARGV[5]
redis.call('SADD', groups, group)
redis.call('SET', of('c', group), text(math.max(0, now - kept)), 'NX')
local cursor = redis.call('GET', of('c', group))
local oldest = text(math.max(tonumber(after) + 1, since, now - kept))
local found = redis.call('XRANGE', log, oldest .. '-0', cursor .. '-0', 'COUNT', 500)
local back = 0
for _, entry in ipairs(found) do
  local number = number_of(entry[1])
  local fresh = tonumber(field(entry[2], 't')) >= since
  if fresh and not redis.call('ZSCORE', of('u', group), number) then
    add(group, number, field(entry[2], 'k'))
    back = back + 1
  end
end
if back > 0 then ring() end
return {back, #found == 500 and number_of(found[500][1]) or false}
"""
)
"""ARGV: also group, since in microseconds, the number after which. Answers how many, and where
to go on, if anywhere."""

MEASURE = Script(
    _TOPIC
    + """
local group = ARGV[3]
local more = move()
if redis.call('SISMEMBER', groups, group) == 1 then
  tick(group)
  more = pull(group, 500) or more
end
local counts = {more and 1 or 0}
for i, key in ipairs({of('u', group), of('l', group), of('w', group), sched, of('d', group)}) do
  counts[i + 1] = redis.call('ZCARD', key)
end
return counts
"""
)
"""ARGV: also group. Answers whether to ask again, and unsettled, lent, waiting, scheduled, dead."""
