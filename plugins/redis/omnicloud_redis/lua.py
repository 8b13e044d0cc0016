"""What scripts of several contracts begin with."""

from __future__ import annotations

__all__ = ["CLOCK"]

CLOCK = """
local function now_us()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end
local function now_ms() return math.floor(now_us() / 1000) end
local function next_number(clock, now)
  now = now or now_us()
  local number = string.format('%016.0f', now)
  local last = tonumber(redis.call('SET', clock, number, 'GET') or '0')
  if last >= now then
    number = string.format('%016.0f', last + 1)
    redis.call('SET', clock, number)
  end
  return number
end
"""
"""Time in the server's microseconds, and numbers that only grow.

``now`` is for scripts that have read the time already. A number is the time, or one more than the
number before if that is more (Kulkarni et al. 2014, "Logical Physical Clocks"). So it grows on also
where the counter is lost with what a crash took, unless the server's clock is set back by more than
the time since, or the replica's is behind by more that takes over. Doubles are exact up to 2**53,
which is the year 2255 in microseconds.
"""
