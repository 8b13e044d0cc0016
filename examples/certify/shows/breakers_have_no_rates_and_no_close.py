"""aiobreaker and purgatory: no failure rate, no slow-call rate, and nothing to close.

The contract asks more than the libraries promise: they count failures in a row. purgatory has
no way to reset a circuit either.
"""

import inspect
import sys

from aiobreaker import CircuitBreaker
from purgatory import AsyncCircuitBreakerFactory

found = {}
for kind in (CircuitBreaker, AsyncCircuitBreakerFactory):
    settings = set(inspect.signature(kind).parameters)
    rates = settings & {"failure_rate", "slow_rate", "failure_rate_threshold", "window"}
    closing = set(dir(kind)) & {"aclose", "shutdown"}
    found[kind.__name__] = sorted(rates | closing)
print("expected: rates over a window, and a way to close")
print(f"happened: {found}")
sys.exit(1 if any(found.values()) else 0)
