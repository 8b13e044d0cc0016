"""aiobreaker and purgatory: an excluded error begins the count anew, as a success does.

A circuit of threshold 2 that sees a failure, an excluded error and a failure stays closed,
and a trial that ends with an excluded error closes it. The contract asks more than the
libraries promise: they say that such errors are ignored, not that they say nothing.
"""

import asyncio
import sys

from aiobreaker import CircuitBreaker
from purgatory import AsyncCircuitBreakerFactory


async def fail(kind: type[Exception]) -> None:
    raise kind


async def main() -> int:
    kinds = (OSError, KeyError, OSError)
    one = CircuitBreaker(fail_max=2, exclude=[KeyError])
    factory = AsyncCircuitBreakerFactory(default_threshold=2, exclude=[KeyError])
    other = factory("circuit")(fail)
    for kind in kinds:
        for call in (one.call_async(fail, kind), other(kind)):
            try:
                await call
            except (OSError, KeyError):
                continue
    states = one.current_state.name, (await factory.get_breaker("circuit")).context.state
    print("expected: opened by two failures with an excluded error between")
    print(f"happened: aiobreaker {states[0]}, purgatory {states[1]}")
    return 0 if states == ("CLOSED", "closed") else 1


sys.exit(asyncio.run(main()))
