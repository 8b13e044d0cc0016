"""purgatory: a half-open circuit lets every call pass, not one.

The contract asks more than the library promises: its documentation says that the circuit
closes or opens again by the outcome, not how many calls are let through for it.
"""

import asyncio
import sys

from purgatory import AsyncCircuitBreakerFactory


async def fail() -> None:
    raise OSError


async def main() -> int:
    factory = AsyncCircuitBreakerFactory(default_threshold=1, default_ttl=0.2)
    try:
        await factory("circuit")(fail)()
    except OSError:
        await asyncio.sleep(0.3)
    calls = 0

    async def slow() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.2)

    guarded = factory("circuit")(slow)
    await asyncio.gather(*(guarded() for _ in range(10)), return_exceptions=True)
    print(f"expected: 1 of 10 calls made while half open; happened: {calls}")
    return 0 if calls > 1 else 1


sys.exit(asyncio.run(main()))
