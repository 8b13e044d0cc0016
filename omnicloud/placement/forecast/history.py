"""A bounded history of usage: means over slots, for the last so many slots."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import InvalidArgumentError, NotFoundError, ResourceExhaustedError
from omnicloud.placement.forecast.troubles import Trouble, Troubles
from omnicloud.placement.forecast.usage import Usage

__all__ = ["History"]

_MOST_SLOTS = 1 << 22  # 50 MB for each workload
_LEAST = 1e-9
_MOST = 2.0**50
"""Nothing has so many cores or bytes; sums of larger ones would not be exact."""


@dataclass(slots=True)
class _Row:
    """One workload: sums and counts in rings of slots, and the newest slot and time."""

    request: float
    ceiling: float
    sums: NDArray[np.float64]
    counts: NDArray[np.int32]
    newest_slot: int = -1
    newest_time: float = -math.inf

    def forget(self) -> None:
        """Begin anew."""
        self.sums[:] = 0.0
        self.counts[:] = 0
        self.newest_slot, self.newest_time = -1, -math.inf


class History:
    """Usage of one resource by workloads, down-sampled as it comes in.

    A sample that cannot be right is left out and counted in :attr:`troubles`. A slot without a
    sample is unknown, not zero.

    Args:
        step: Length of a slot.
        keep: How far back the history goes; whole slots.
        most_workloads: The bound on workloads; with ``keep / step`` it bounds the memory, 12
            bytes for each slot of each workload.
        clock: Tells a sample from the future; one slot of tolerance.
    """

    def __init__(
        self,
        *,
        step: Seconds = 300.0,
        keep: Seconds = 14 * 86400.0,
        most_workloads: int = 10_000,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._step = positive(step, "step")
        self._slots = round(positive(keep, "keep") / self._step)
        self._ring = self._slots + 2  # the running slot and the one after it as well
        if not 1 <= self._slots <= _MOST_SLOTS or most_workloads < 1:
            raise InvalidArgumentError(
                f"a history of {self._slots} slots of {most_workloads} workloads cannot be kept",
                hint=f"1 to {_MOST_SLOTS} slots of at least one; make the step longer or shorter",
            )
        self._most = most_workloads
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self.troubles = Troubles()

    @property
    def now(self) -> int:
        """Number of the slot that is running."""
        return int(self._clock.wall() // self._step)

    def watch(self, name: str, *, request: float, ceiling: float = _MOST) -> None:
        """Keep this workload from now on; again: with another request, its samples stay.

        Args:
            request: What it asks, in the unit of its samples.
            ceiling: The most that the machine can give it; samples above are lies.

        Raises:
            InvalidArgumentError: A request that is no amount above zero, or over the ceiling.
            ResourceExhaustedError: As many workloads as the history may keep.
        """
        if not (_LEAST <= request <= ceiling <= _MOST):
            raise InvalidArgumentError(
                f"the request of {name!r} is {request}, the ceiling {ceiling}",
                hint=f"it is {_LEAST} or more and at most the ceiling, and that at most {_MOST:g}",
            )
        row = self._rows.get(name)
        if row is not None:
            row.request, row.ceiling = request, ceiling
            return
        if len(self._rows) >= self._most:
            raise ResourceExhaustedError(
                f"the history keeps {self._most} workloads", hint="forget some, or raise the bound"
            )
        zeros = np.zeros(self._ring), np.zeros(self._ring, dtype=np.int32)
        self._rows[name] = _Row(request, ceiling, *zeros)

    def forget(self, name: str) -> None:
        """The workload is gone, with its samples and troubles."""
        self._rows.pop(name, None)
        self.troubles.forget(name)

    def add(self, name: str, at: float, value: float) -> Trouble | None:
        """Take a sample in; the trouble where it was left out.

        Args:
            at: Seconds since 1970-01-01 UTC. Within one workload times may not go back: what was
                once forecast from must not change.
            value: Usage at that time, or since the sample before.

        Raises:
            NotFoundError: The workload is not watched.
        """
        row = self._row(name)
        return self._take(name, row, at, value, not_before=row.newest_time)

    def fill(self, name: str, at: float, value: float) -> Trouble | None:
        """The same of a past that nobody has forecast from yet: times come in any order.

        Raises:
            NotFoundError: The workload is not watched.
        """
        return self._take(name, self._row(name), at, value, not_before=-math.inf)

    def _take(
        self, name: str, row: _Row, at: float, value: float, *, not_before: float
    ) -> Trouble | None:
        if row.newest_time > self._clock.wall() + self._step:
            row.forget()  # our clock was ahead and has been set right: what it told is of no time
            not_before = -math.inf
        trouble = self._trouble(row, at, value, not_before)
        if trouble is not None:
            self.troubles.note(name, trouble)
            return trouble
        slot = int(at // self._step)
        if slot > row.newest_slot:
            self._turn(row, slot)
        row.newest_time = max(at, row.newest_time)
        row.sums[slot % self._ring] += value
        row.counts[slot % self._ring] += 1
        return None

    def usage(self) -> Usage:
        """What is known of the slots before the running one, workloads by name."""
        names = tuple(sorted(self._rows))
        first = self.now - self._slots
        values = np.full((len(names), self._slots), np.nan, dtype=np.float32)
        for index, name in enumerate(names):
            self._unroll(self._rows[name], first, values[index])
        return Usage(
            names=names,
            requests=np.array([self._rows[name].request for name in names], dtype=np.float32),
            values=values,
            step_seconds=self._step,
            first_slot=first,
        )

    def _row(self, name: str) -> _Row:
        if name not in self._rows:
            raise NotFoundError(f"workload {name!r} is not watched", hint="call watch before add")
        return self._rows[name]

    def _trouble(self, row: _Row, at: float, value: float, not_before: float) -> Trouble | None:
        if not (math.isfinite(at) and math.isfinite(value)):
            return Trouble.NOT_A_NUMBER
        if value < 0:
            return Trouble.NEGATIVE
        if value > row.ceiling:
            return Trouble.IMPLAUSIBLE
        if at > self._clock.wall() + self._step:
            return Trouble.FROM_THE_FUTURE
        if at < not_before:
            return Trouble.CLOCK_WENT_BACK
        return Trouble.TOO_OLD if int(at // self._step) < self.now - self._slots else None

    def _turn(self, row: _Row, slot: int) -> None:
        """Empty the places of the ring that were passed since the newest slot."""
        passed = min(slot - row.newest_slot, self._ring) if row.newest_slot >= 0 else 0
        stale = np.arange(slot - passed + 1, slot + 1) % self._ring
        row.sums[stale] = 0.0
        row.counts[stale] = 0
        row.newest_slot = slot

    def _unroll(self, row: _Row, first: int, into: NDArray[np.float32]) -> None:
        """Write the means of the slots from ``first`` on."""
        if row.newest_slot < 0:
            return
        oldest = max(first, row.newest_slot - self._ring + 1)
        slots = np.arange(oldest, min(row.newest_slot + 1, first + self._slots))
        places = slots % self._ring
        counts = row.counts[places]
        means = row.sums[places] / np.maximum(counts, 1)
        into[slots - first] = np.where(counts > 0, means, np.nan)
