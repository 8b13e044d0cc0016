"""aiobreaker: the call that trips the circuit raises the breaker's error, not its own.

The error of the dependency is kept as the cause. Nothing in the documentation says so, and it
cannot be switched off (in pybreaker, from which it came, it can); a caller that handles the
error of its dependency does not see the one that mattered most. We call it a fault.
"""

import asyncio
import sys

from aiobreaker import CircuitBreaker, CircuitBreakerError


class DatabaseError(Exception):
    pass


async def query() -> None:
    raise DatabaseError("no connection")


async def main() -> int:
    breaker = CircuitBreaker(fail_max=2)
    raised = []
    for _ in range(2):
        try:
            await breaker.call_async(query)
        except (DatabaseError, CircuitBreakerError) as error:
            raised.append(type(error).__name__)
    print("expected: ['DatabaseError', 'DatabaseError']")
    print(f"happened: {raised}")
    return 0 if raised == ["DatabaseError", "CircuitBreakerError"] else 1


sys.exit(asyncio.run(main()))
