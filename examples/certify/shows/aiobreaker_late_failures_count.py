"""aiobreaker: a call of before the trip that fails late opens the circuit anew.

A call is judged by the state in which it began, so one that began closed and fails when the
circuit has been tried, closed and found healthy opens it again at once. The contract asks
more than the library promises: its documentation says nothing of calls under way.
"""

import asyncio
import sys
from datetime import timedelta

from aiobreaker import CircuitBreaker
from aiobreaker.state import CircuitBreakerState


async def fail_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise OSError


async def main() -> int:
    breaker = CircuitBreaker(fail_max=2, timeout_duration=timedelta(seconds=0.2))
    waits = (0.0, 0.0, 0.6, 0.6)
    calls = [asyncio.ensure_future(breaker.call_async(fail_after, wait)) for wait in waits]
    await asyncio.sleep(0.4)
    await breaker.call_async(asyncio.sleep, 0)  # the trial
    healthy = breaker.current_state
    await asyncio.gather(*calls, return_exceptions=True)
    late = breaker.current_state
    print("expected: closed by a trial, and closed still after failures of before the trip")
    print(f"happened: {healthy.name}, then {late.name}")
    closed, opened = CircuitBreakerState.CLOSED, CircuitBreakerState.OPEN
    return 0 if (healthy, late) == (closed, opened) else 1


sys.exit(asyncio.run(main()))
