"""How many calls ended, and how: counted here, handed to OpenTelemetry when it collects.

A counter of the SDK costs some 10 µs a call, most of it to find the sum that the labels belong
to. Counting is cheap, and a sum is only read once in a while, so the counter is an observable
one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

__all__ = ["OPERATIONS", "Ended", "Tally", "tally_of"]

OPERATIONS = "omnicloud.client.operations"
"""Counter of calls by ``operation``, ``status`` (success, error, cancelled), ``service``,
``provider`` and, for errors, ``error.type``."""


class Ended(NamedTuple):
    """What calls that are counted together have in common."""

    operation: str
    service: str
    provider: str
    status: str
    error_kind: str
    """Empty where there was no error."""


class Tally:
    """The counts of one meter provider. They only grow, whoever is opened and closed."""

    __slots__ = ("__weakref__", "_counts", "_lock")

    def __init__(self) -> None:
        self._counts: dict[Ended, int] = {}
        self._lock = threading.Lock()

    def add(self, ended: Ended) -> None:
        """Count one call; from any thread."""
        with self._lock:
            self._counts[ended] = self._counts.get(ended, 0) + 1

    def observe(self, _: CallbackOptions) -> Iterator[Observation]:
        """The counts so far."""
        with self._lock:
            counts = dict(self._counts)
        return (Observation(count, _labels(ended)) for ended, count in counts.items())


_tallies: WeakKeyDictionary[MeterProvider, Tally] = WeakKeyDictionary()
_lock = threading.Lock()


def tally_of(provider: MeterProvider) -> Tally:
    """The one tally of a meter provider, which observes it from now on."""
    with _lock:
        tally = _tallies.get(provider)
        if tally is None:
            tally = _tallies[provider] = Tally()
            provider.get_meter("omnicloud").create_observable_counter(
                OPERATIONS,
                [tally.observe],
                unit="{operation}",
                description="Calls that ended, by how they ended.",
            )
    return tally


def _labels(ended: Ended) -> dict[str, str]:
    labels = {
        "operation": ended.operation,
        "status": ended.status,
        "service": ended.service,
        "provider": ended.provider,
    }
    if ended.error_kind:
        labels["error.type"] = ended.error_kind
    return labels
