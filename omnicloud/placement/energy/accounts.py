"""Who drew how much: the power of a server shared among its workloads, summed and published."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.energy.figures import Basis, Figure
from omnicloud.placement.energy.site import of_workloads

__all__ = ["EMISSIONS", "ENERGY", "MOST", "OTHERS", "POWER", "Account", "Accounts", "Use"]

POWER = "omnicloud.workload.power"
"""Gauge of watts by ``service``, ``workload`` and ``basis``, over the last interval."""
ENERGY = "omnicloud.workload.energy"
"""Counter of joules by the same, of the server alone: without what cooling and conversion take."""
EMISSIONS = "omnicloud.workload.emissions"
"""Counter of grams of CO2-equivalent by ``service`` and ``workload``, of the whole site."""
OTHERS = "(others)"
"""The rest of the server: other programs, and what no workload has asked for."""
MOST = 10_000
"""Workloads that have a series of their own; further ones are counted with the others."""
_JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Use:
    """What a workload held in an interval, both in cores and at least zero."""

    used: float
    asked: float


@dataclass(frozen=True, slots=True)
class Account:
    """What one workload has drawn.

    Attributes:
        watts: Over the last interval; 0 where it did not run then.
        joules: Since the beginning, of the server alone.
        basis: Measured only where all of it was.
    """

    watts: float
    joules: float
    basis: Basis


class Accounts:
    """The workloads of one service on one server.

    How a server's power is shared is a convention, see :func:`of_workloads`: idle power by what
    each asked, the rest by what each used. The sum is the server's.

    Args:
        service: Name of the service, for the metrics.
        cores: Of the server.
        pue: Power of the site by that of its servers.
        grams_per_kwh: Of the grid, in gCO2e; without it no emissions are published.
        provider: Where they are published; the global one where none is given.
    """

    def __init__(
        self,
        service: str,
        cores: float,
        *,
        pue: Figure,
        grams_per_kwh: float | None = None,
        provider: MeterProvider | None = None,
    ) -> None:
        if not cores > 0:
            raise InvalidArgumentError("a server has more than 0 cores")
        if grams_per_kwh is not None and not 0 <= grams_per_kwh < float("inf"):
            raise InvalidArgumentError(f"{grams_per_kwh} gCO2e per kWh cannot be")
        self._service = service
        self._cores = cores
        self._grams = None if grams_per_kwh is None else grams_per_kwh * pue.value
        self._accounts: dict[str, Account] = {}
        self._lock = threading.Lock()
        self._publish((provider or metrics.get_meter_provider()).get_meter("omnicloud"))

    def take(
        self, power: Figure, idle_watts: float, seconds: float, uses: Mapping[str, Use], busy: float
    ) -> None:
        """Share an interval.

        Args:
            power: Of the whole server over the interval, in watts.
            idle_watts: Of the server with nothing to do.
            seconds: Length of the interval.
            uses: Of the workloads that ran.
            busy: Cores of the server that were in use by anything.
        """
        shares = self._shared(power.value, idle_watts, self._bounded(uses), busy)
        with self._lock:
            for name in self._accounts.keys() | shares.keys():
                watts = shares.get(name, 0.0)
                old = self._accounts.get(name, Account(0.0, 0.0, power.basis))
                measured = old.basis is power.basis is Basis.MEASURED
                basis = Basis.MEASURED if measured else Basis.ESTIMATE
                self._accounts[name] = Account(watts, old.joules + watts * seconds, basis)

    def told(self) -> dict[str, Account]:
        """All accounts by workload, :data:`OTHERS` among them."""
        with self._lock:
            return dict(self._accounts)

    def grams(self, account: Account) -> float | None:
        """Emissions of an account in gCO2e, an estimate; ``None`` where the grid is not known."""
        return None if self._grams is None else account.joules / _JOULES_PER_KWH * self._grams

    def _bounded(self, uses: Mapping[str, Use]) -> Mapping[str, Use]:
        room = MOST - len(self._accounts)
        kept: dict[str, Use] = {}
        for name, use in uses.items():
            if name not in self._accounts:
                if room <= 0:
                    continue
                room -= 1
            kept[name] = use
        return kept

    def _shared(
        self, watts: float, idle: float, uses: Mapping[str, Use], busy: float
    ) -> dict[str, float]:
        used = [max(0.0, use.used) for use in uses.values()]
        asked = [max(0.0, use.asked) for use in uses.values()]
        used.append(max(0.0, busy - sum(used)))
        asked.append(max(0.0, self._cores - sum(asked)))
        drawn = of_workloads(watts, idle, np.asarray(used), np.asarray(asked))
        return dict(zip([*uses, OTHERS], drawn.tolist(), strict=True))

    def _publish(self, meter: metrics.Meter) -> None:
        meter.create_observable_gauge(
            POWER, [self._watts], unit="W", description="What a workload draws of its server."
        )
        meter.create_observable_counter(
            ENERGY, [self._joules], unit="J", description="Energy of a workload at its server."
        )
        meter.create_observable_counter(
            EMISSIONS, [self._emitted], unit="g", description="gCO2e of a workload, estimated."
        )

    def _watts(self, _: CallbackOptions) -> Iterator[Observation]:
        for name, account in self.told().items():
            yield Observation(account.watts, self._labels(name) | {"basis": account.basis.value})

    def _joules(self, _: CallbackOptions) -> Iterator[Observation]:
        for name, account in self.told().items():
            yield Observation(account.joules, self._labels(name) | {"basis": account.basis.value})

    def _emitted(self, _: CallbackOptions) -> Iterator[Observation]:
        for name, account in self.told().items():
            grams = self.grams(account)
            if grams is not None:
                yield Observation(grams, self._labels(name))

    def _labels(self, workload: str) -> dict[str, str]:
        return {"service": self._service, "workload": workload}
