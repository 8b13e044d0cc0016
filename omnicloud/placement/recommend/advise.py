"""From what workloads used to what they should ask for.

CPU: the 99th percentile of what was used, times 1.15: the best right-sizing by one number per
workload that was measured on the Bitbrains trace. It is a share of a node, no limit: a hard
limit there would ruin latency while the core idles. Memory: the highest mean of a slot times 1.3;
the limit stays at the request, because a workload that outgrows its limit is killed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.predictors.maximum import Maximum
from omnicloud.placement.forecast.predictors.percentile import Percentile
from omnicloud.placement.forecast.usage import Usage

__all__ = ["Advice", "Policy", "advise"]

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How much is asked for beyond what was used.

    Attributes:
        predictor: Tells what a workload will use.
        margin: Factor on its forecast, at least 1.
        least: Never less than this, in the unit of the resource.
        least_seconds: Younger workloads keep their request.
        least_known: Share of its time, 0..1, that must be known; else it keeps its request.
        worthwhile: A change smaller than this share of the request is not advised.
    """

    predictor: Predictor
    margin: float
    least: float
    least_seconds: float = _DAY
    least_known: float = 0.5
    worthwhile: float = 0.05

    @classmethod
    def cpu(cls, margin: float = 1.15) -> Policy:
        """The policy for cores; at least a hundredth of one."""
        return cls(Percentile("p99", 0.99), margin, 0.01)

    @classmethod
    def memory(cls, margin: float = 1.3) -> Policy:
        """The policy for bytes; at least 32 MiB."""
        return cls(Maximum(), margin, float(32 << 20))

    def __post_init__(self) -> None:
        if not (1 <= self.margin < math.inf and 0 <= self.least < math.inf):
            raise InvalidArgumentError(
                f"margin is {self.margin} and least {self.least}; at least 1 and 0 are needed"
            )
        if not (0 <= self.least_seconds < math.inf and 0 <= self.least_known <= 1):
            raise InvalidArgumentError(
                f"{self.least_seconds} s and a share of {self.least_known} cannot be known",
                hint="0 s or more, and a share from 0 to 1",
            )
        if not 0 <= self.worthwhile < math.inf:
            raise InvalidArgumentError(f"worthwhile is {self.worthwhile}, 0 or more is needed")


@dataclass(frozen=True, slots=True)
class Advice:
    """What a workload should ask for of one resource, in the resource's unit.

    Attributes:
        request: What it asks now.
        peak: The highest mean of a slot; NaN where nothing is known.
        forecast: What it will use, by the policy's predictor; NaN where it keeps its request.
        recommended: What it should ask.
        known_days: Length of what is known, without gaps.
        reason: Why, for a person.
    """

    workload: str
    request: float
    peak: float
    forecast: float
    recommended: float
    known_days: float
    reason: str

    @property
    def saving(self) -> float:
        """What is freed; below zero where more should be asked."""
        return self.request - self.recommended


def advise(usage: Usage, policy: Policy, now: int | None = None) -> tuple[Advice, ...]:
    """Advice for each workload, in the order of ``usage``.

    Args:
        now: Number of the slot that begins; the one after the last by default.
    """
    at = usage.first_slot + usage.slots if now is None else now
    past = usage.before(at)
    forecasts = policy.predictor.fit(usage, at).sizes()
    return tuple(_each(past, policy, forecasts))


def _each(past: Usage, policy: Policy, forecasts: np.ndarray) -> Iterator[Advice]:
    for row, name in enumerate(past.names):
        values = past.values[row]
        known = np.flatnonzero(~np.isnan(values))
        request = float(past.requests[row])
        seconds = len(known) * past.step_seconds
        peak = float(values[known].max()) if len(known) else math.nan
        days = seconds / _DAY
        forecast = float(forecasts[row])
        kept = _kept(past, policy, known)
        if not kept and not 0 <= forecast < math.inf:
            kept = f"keeps its request: {policy.predictor.name} says {forecast}, which is no amount"
        if kept:
            yield Advice(name, request, peak, math.nan, request, days, kept)
            continue
        wanted = max(policy.least, forecast * policy.margin)
        small = abs(wanted - request) < policy.worthwhile * request
        advised = request if small else wanted
        reason = _reason(policy, request, forecast, peak, advised)
        yield Advice(name, request, peak, forecast, advised, days, reason)


def _kept(past: Usage, policy: Policy, known: np.ndarray) -> str:
    """Why too little is known to advise anything; empty where enough is."""
    seconds = len(known) * past.step_seconds
    if seconds < policy.least_seconds:
        return (
            f"keeps its request: {seconds / 3600:.1f} h of it are known, "
            f"{policy.least_seconds / 3600:.0f} h are needed"
        )
    if not len(known):
        return "keeps its request: nothing of it is known"
    share = len(known) / float(past.slots - known[0])
    if share < policy.least_known:
        return f"keeps its request: only {share:.0%} of its time is known"
    return ""


def _reason(policy: Policy, request: float, forecast: float, peak: float, advised: float) -> str:
    used = f"{policy.predictor.name} is {forecast / request:.0%} of the request"
    used += f", the peak {peak / request:.0%}"
    if advised == request:
        return f"fits: {used}"
    if advised > request:
        return f"asks too little: {used}"
    floor = " (the least that is advised)" if advised == policy.least else ""
    return f"asks too much: {used}{floor}"
