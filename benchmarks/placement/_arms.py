"""The arms of B6, what each did, and what that says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from _load import GIVE_UP_SECONDS
from _replay import LEAST_CORES, REQUEST, Draw

from omnicloud.contracts.containers import Stats
from omnicloud.placement.forecast.usage import Floats

OVERLOAD = 1.25  # cores that the control asks of one
FOREIGN = 0.05  # of the core, taken by other programs: more, and a run is not quiet
_SEEN = 20  # requests to a service, for its own p99 to mean something
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Arm:
    """One way to fill the core.

    Attributes:
        cores: What the services of a draw are asked for, by service and slot.
        limit: Of each service, in cores; a whole core is none, ``None`` its right-sized request.
        steered: Whether limits are changed while the services run.
    """

    cores: Callable[[Draw, int], Floats]
    limit: float | None = 1.0
    steered: bool = False

    def limits(self, there: Draw, services: int) -> list[float]:
        if self.limit is not None:
            return [self.limit] * services
        return [max(float(one), LEAST_CORES) for one in there.right_sized[:services]]


def by_request(there: Draw, most: int) -> Floats:
    """As many as their requests fit."""
    return there.came[: min(round(1 / REQUEST), most)]


def by_forecast(there: Draw, most: int) -> Floats:
    """As many as the forecast fits."""
    return there.came[: min(there.fit(), most)]


def too_many(there: Draw, most: int) -> Floats:
    """All services that there are, and where they ask too little of the core, that much more."""
    came = there.came[:most]
    return came * np.float32(max(1.0, OVERLOAD / max(float(came.sum(axis=0).mean()), 1e-6)))


ARMS = {
    "requests": Arm(by_request, limit=REQUEST),
    "requests_unlimited": Arm(by_request),
    "right_sized_limits": Arm(by_forecast, limit=None),
    "omnicloud": Arm(by_forecast, steered=True),
    "over_dense": Arm(too_many, steered=True),
}
SMOKE_ARMS = ("requests", "omnicloud", "over_dense")


@dataclass(frozen=True)
class Run:
    """What one arm did once.

    Attributes:
        took: Seconds that each request took, ``to`` the port that it went to.
        before: What the engine counted of each service, and ``after``.
        busy: Seconds that the core worked, for whomever, of ``passed``.
        updates: Limits that were changed meanwhile.
    """

    arm: str
    round: int
    services: int
    took: np.ndarray
    to: np.ndarray
    before: list[Stats]
    after: list[Stats]
    busy: float
    passed: float
    updates: int

    def figures(self) -> Figures:
        used = self._grown("cpu_seconds")
        alone = [self.took[self.to == port] for port in np.unique(self.to)]
        tails = [np.percentile(one, 99) for one in alone if len(one) >= _SEEN] or [0.0]
        p50, p95, p99 = np.percentile(self.took, (50, 95, 99)) * 1e3
        return {
            "services": float(self.services),
            "requests": float(len(self.took)),
            "p50_ms": float(p50),
            "p95_ms": float(p95),
            "p99_ms": float(p99),
            "median_service_p99_ms": float(np.median(tails) * 1e3),
            "worst_service_p99_ms": float(np.max(tails) * 1e3),
            "over_100_ms": float((self.took > 0.1).mean()),
            "given_up": float((self.took >= GIVE_UP_SECONDS).mean()),
            "throttled_share": self._grown("throttled_periods") / max(self._grown("periods"), 1),
            "throttled_seconds": self._grown("throttled_seconds"),
            "cores_used": used / self.passed,
            "foreign_share": max(self.busy - used, 0.0) / self.passed,
            "updates": float(self.updates),
        }

    def _grown(self, counter: str) -> float:
        """How far a counter of the engine went up, over all services."""
        pairs = zip(self.before, self.after, strict=True)
        return float(sum(getattr(late, counter) - getattr(early, counter) for early, late in pairs))


def summed(runs: list[Run]) -> dict[str, dict[str, float]]:
    """Means over the rounds of each arm, and the worst p99."""
    told: dict[str, list[Figures]] = {}
    for run in runs:
        told.setdefault(run.arm, []).append(run.figures())
    return {arm: _mean(told[arm]) for arm in ARMS if arm in told}


def _mean(rounds: list[Figures]) -> dict[str, float]:
    means = {name: float(np.mean([one[name] for one in rounds])) for name in rounds[0]}
    means["worst_round_p99_ms"] = max(one["p99_ms"] for one in rounds)
    means["quiet_rounds"] = float(sum(one["foreign_share"] <= FOREIGN for one in rounds))
    means["rounds"] = float(len(rounds))
    return means


def judged(runs: list[Run]) -> dict[str, float | bool]:
    """How many times the services, and in what share of rounds at the p99 of placing by requests.

    ``kept`` is of all requests together, ``kept_by_each`` of the service that is worst off.
    ``near_unlimited`` is the strict one: within 1.2 times the p99 of as many services as requests
    fit without any limit, or 100 ms. Empty where one of the arms that it needs was not played.
    """
    rounds: dict[int, dict[str, Figures]] = {}
    for run in runs:
        rounds.setdefault(run.round, {})[run.arm] = run.figures()
    if any(not one.keys() >= set(SMOKE_ARMS) for one in rounds.values()):
        return {}

    def share(holds: Callable[[dict[str, Figures]], bool]) -> float:
        return float(np.mean([holds(one) for one in rounds.values()]))

    services = [
        one["omnicloud"]["services"] / one["requests"]["services"] for one in rounds.values()
    ]
    verdict: dict[str, float | bool] = {
        "times_the_services": float(np.mean(services)),
        "kept": share(lambda one: _at_most(one, "omnicloud", "p99_ms")),
        "kept_by_each": share(lambda one: _at_most(one, "omnicloud", "worst_service_p99_ms")),
        "the_control_failed": not any(
            _at_most(one, "over_dense", "p99_ms") for one in rounds.values()
        ),
        "all_rounds_quiet": all(run.figures()["foreign_share"] <= FOREIGN for run in runs),
    }
    if all("requests_unlimited" in one for one in rounds.values()):
        verdict["near_unlimited"] = share(_near_unlimited)
    return verdict


def _at_most(one: dict[str, Figures], arm: str, figure: str) -> bool:
    return one[arm][figure] <= one["requests"][figure]


def _near_unlimited(one: dict[str, Figures]) -> bool:
    return one["omnicloud"]["p99_ms"] <= max(1.2 * one["requests_unlimited"]["p99_ms"], 100.0)
