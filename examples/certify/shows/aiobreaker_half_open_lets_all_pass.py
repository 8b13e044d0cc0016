"""aiobreaker: a half-open circuit lets every call pass, not one.

The code says "the next call is allowed"; while that one is under way nothing holds back the
others, so a dependency that just recovers is met by all its callers at once. A fault by its
own words.
"""

import asyncio
import sys
from datetime import timedelta

from aiobreaker import CircuitBreaker, CircuitBreakerError


async def fail() -> None:
    raise OSError


async def main() -> int:
    breaker = CircuitBreaker(fail_max=1, timeout_duration=timedelta(seconds=0.2))
    try:
        await breaker.call_async(fail)
    except CircuitBreakerError:
        await asyncio.sleep(0.3)
    calls = 0

    async def slow() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.2)

    tried = [breaker.call_async(slow) for _ in range(10)]
    await asyncio.gather(*tried, return_exceptions=True)
    print(f"expected: 1 of 10 calls made while half open; happened: {calls}")
    return 0 if calls > 1 else 1


sys.exit(asyncio.run(main()))
