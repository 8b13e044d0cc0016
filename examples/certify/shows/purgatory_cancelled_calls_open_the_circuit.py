"""purgatory: a call that its caller cancels counts as a failure of the dependency.

``__exit__`` takes any ``BaseException`` for one, ``CancelledError`` and ``KeyboardInterrupt``
among them: callers that give up close a healthy dependency to all others. A fault.
"""

import asyncio
import sys

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState


async def main() -> int:
    factory = AsyncCircuitBreakerFactory(default_threshold=3)
    guarded = factory("healthy")(asyncio.sleep)
    for _ in range(3):
        call = asyncio.ensure_future(guarded(10))
        await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait((call,))
    try:
        await guarded(0)
        happened = "it was made"
    except OpenedState as error:
        happened = f"refused: {error}"
    print("expected: a call after three cancelled ones is made")
    print(f"happened: {happened}")
    return 0 if happened.startswith("refused") else 1


sys.exit(asyncio.run(main()))
