"""What services are asked to do in B6: a trace in short, as requests at random moments.

A service asks for a tenth of a core. Its load in a slot of five minutes is the share of its
cores that a workload of the trace used in it, times 0.8 of its request: a machine's use is
capped at its size, so at the full request a queue would have no end. Requests come as a Poisson
process of that rate, with five minutes of the trace in a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from _node import WORK_SECONDS
from _traces import DAY, STEP_SECONDS, Fleet

from omnicloud.placement.forecast.forecast import Forecast
from omnicloud.placement.forecast.predictors.peak import PeakOfSum
from omnicloud.placement.forecast.predictors.percentile import Percentile
from omnicloud.placement.forecast.usage import Floats, Usage

REQUEST = 0.1
SCALE = 0.8
SLOT_SECONDS = 0.25
PAST = 14 * DAY
BUSY = 0.03  # of its cores, that a workload used in the mean of the past
LEAST = 40  # workloads of a day, so that the control has enough
LEAST_CORES = 0.01  # that can be advised
FULL = 0.8  # of the core, which the forecast of all its services may reach


@dataclass(frozen=True)
class Draw:
    """Workloads in random order, and the hours that are replayed.

    Attributes:
        first_slot: Of the trace, where the hours begin.
        came: Cores that each used in each slot of the hours, in the scale of a service.
        forecast: Of the same workloads, from the two weeks before.
        right_sized: The CPU that ``omnicloud recommend`` would advise each to ask for, from the
            same: the 99th percentile times 1.15.
    """

    first_slot: int
    came: Floats
    forecast: Forecast
    right_sized: Floats

    def fit(self) -> int:
        """How many of them, in their order, are expected to fill the core as far as they may."""
        most = len(self.came)
        fits = (n for n in range(1, most + 1) if self.forecast.together(range(n)) > FULL)
        return next(fits, most + 1) - 1


def draw(fleet: Fleet, seed: int, number: int, slots: int) -> Draw:
    """The hours from eight o'clock of a day, and the workloads that did something before."""
    random = np.random.default_rng([seed, number])
    share = np.clip(fleet.cpu / np.maximum(fleet.cpu_asked, 1e-9), 0, 1)
    for day in random.permutation(np.arange(PAST // DAY, fleet.slots // DAY)):
        first = int(day) * DAY + 8 * 12
        before, after = share[:, first - PAST : first], share[:, first : first + slots]
        known = (np.isnan(before).mean(axis=1) < 0.2) & (np.isnan(after).mean(axis=1) < 0.1)
        mean = np.where(known, np.nan_to_num(before).mean(axis=1), 0)
        rows = random.permutation(np.flatnonzero(known & (mean > BUSY)))
        if len(rows) >= LEAST:
            return _drawn(first, rows, before, after)
    raise ValueError(f"no day of {fleet.name} has {LEAST} workloads that did something before")


def _drawn(first: int, rows: np.ndarray, before: Floats, after: Floats) -> Draw:
    past = Usage(
        names=tuple(str(row) for row in rows),
        requests=np.full(len(rows), REQUEST, dtype=np.float32),
        values=(before[rows] * SCALE * REQUEST).astype(np.float32),
        step_seconds=STEP_SECONDS,
        first_slot=first - PAST,
    )
    came = np.nan_to_num(after[rows]) * SCALE * REQUEST
    advised = Percentile("p99", 0.99, 1.15).fit(past, first).sizes()
    forecast = PeakOfSum().fit(past, first)
    return Draw(first, came.astype(np.float32), forecast, advised)


def plan_of(cores: Floats, ports: Sequence[int], seed: Sequence[int]) -> list[tuple[float, int]]:
    """Moments of requests to each port, so that it has so many cores to work in each slot."""
    plan: list[tuple[float, int]] = []
    for row, port in enumerate(ports):
        random = np.random.default_rng([*seed, row])
        counts = random.poisson(cores[row] * SLOT_SECONDS / WORK_SECONDS)
        slots = np.repeat(np.arange(cores.shape[1]), counts)
        moments = (slots + random.random(len(slots))) * SLOT_SECONDS
        plan += [(moment, port) for moment in moments.tolist()]
    return sorted(plan)
