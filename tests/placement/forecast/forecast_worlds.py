"""Small fleets of workloads for the tests of forecasts."""

from __future__ import annotations

import numpy as np

from omnicloud.placement.forecast.usage import Usage

STEP = 900.0
DAY = 96
FIRST = 20_000 * DAY


def fleet(seed: int, workloads: int = 6, days: int = 4, gaps: float = 0.1) -> Usage:
    """Random usage with daily shapes, bursts and gaps."""
    random = np.random.default_rng(seed)
    slots = np.arange(days * DAY)
    requests = random.choice([1.0, 2.0, 4.0, 8.0], size=workloads)
    phase = random.uniform(0, DAY, size=(workloads, 1))
    shape = 0.3 + 0.2 * np.sin(2 * np.pi * (slots + phase) / DAY)
    noise = random.gamma(0.5, 0.2, size=(workloads, len(slots)))
    values = (requests[:, None] * (shape + noise)).astype(np.float32)
    values[random.random(values.shape) < gaps] = np.nan
    return Usage(
        names=tuple(f"w{number}" for number in range(workloads)),
        requests=requests.astype(np.float32),
        values=values,
        step_seconds=STEP,
        first_slot=FIRST,
    )
