"""CPU and memory of the same workloads, recorded side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds
from omnicloud.placement.forecast.counters import CounterRates
from omnicloud.placement.forecast.history import History
from omnicloud.placement.forecast.troubles import Trouble

__all__ = ["Recording"]


class Recording:
    """Two histories: cores and bytes.

    Args:
        step: Length of a slot, in seconds.
        keep: How far back it goes, in seconds.
        clock: Tells what is from the future and which slot is running.
    """

    def __init__(
        self, *, step: Seconds = 300.0, keep: Seconds = 14 * 86400.0, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.cpu = History(step=step, keep=keep, clock=clock)
        self.memory = History(step=step, keep=keep, clock=clock)
        self._rates = CounterRates()

    def watch(self, name: str, *, cores: float, memory_bytes: float) -> None:
        """Record this workload from now on; again: with other requests.

        Raises:
            InvalidArgumentError: A request that is not finite and above zero.
            ResourceExhaustedError: As many workloads as may be kept.
        """
        self.cpu.watch(name, request=cores)
        self.memory.watch(name, request=memory_bytes)

    def add(self, name: str, at: float, cores: float, memory_bytes: float) -> None:
        """Take one sample in, at seconds since 1970-01-01 UTC; what cannot be right is counted."""
        self.cpu.add(name, at, cores)
        self.memory.add(name, at, memory_bytes)

    def add_counter(self, name: str, at: float, cpu_seconds: float, memory_bytes: float) -> None:
        """The same from a counter of processor time; its first reading gives no rate yet."""
        cores = self._rates.rate(name, at, cpu_seconds)
        if cores is not None:
            self.cpu.add(name, at, cores)
        self.memory.add(name, at, memory_bytes)

    def troubles(self) -> Mapping[Trouble, int]:
        """How many samples were left out, by why."""
        total: Counter[Trouble] = Counter()
        for source in (self.cpu.troubles, self.memory.troubles, self._rates.troubles):
            total.update(source.total())
        return dict(total)
