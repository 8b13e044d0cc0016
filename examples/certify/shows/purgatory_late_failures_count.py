"""purgatory: calls of before the trip that fail late open the circuit anew.

The state that judges a call is the one at its end. The contract asks more than the library
promises: its documentation says nothing of calls under way.
"""

import asyncio
import sys

from purgatory import AsyncCircuitBreakerFactory


async def fail_after(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise OSError


async def main() -> int:
    factory = AsyncCircuitBreakerFactory(default_threshold=2, default_ttl=0.2)
    guarded = factory("circuit")(fail_after)
    calls = [asyncio.ensure_future(guarded(wait)) for wait in (0.0, 0.0, 0.6, 0.6)]
    await asyncio.sleep(0.4)
    await factory("circuit")(asyncio.sleep)(0)  # the trial
    healthy = (await factory.get_breaker("circuit")).context.state
    await asyncio.gather(*calls, return_exceptions=True)
    late = (await factory.get_breaker("circuit")).context.state
    print("expected: closed by a trial, and closed still after failures of before the trip")
    print(f"happened: {healthy}, then {late}")
    return 0 if (healthy, late) == ("closed", "opened") else 1


sys.exit(asyncio.run(main()))
