"""From the power of servers to what a site draws and emits."""

from __future__ import annotations

import math

import numpy as np

from omnicloud.core.durations import Seconds, positive
from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.energy.figures import Basis, Figure
from omnicloud.placement.energy.power import PowerCurve
from omnicloud.placement.forecast.usage import Floats

__all__ = ["assumed_pue", "carbon", "measured_pue", "of_workloads", "servers"]


def servers(loads: Floats, cores: float, curve: PowerCurve, step: Seconds, idle: int = 0) -> Figure:
    """Energy of servers over a time, an estimate in kWh.

    Args:
        loads: Cores in use, shape ``(servers, slots)``; NaN while a server is off.
        cores: Of each server.
        curve: Of each server.
        step: Length of a slot.
        idle: How many servers more are on with nothing to do.
    """
    if not cores > 0 or idle < 0:
        raise InvalidArgumentError(
            "energy needs cores above zero, and no fewer than 0 idle servers"
        )
    hours = positive(step, "step") / 3600
    watts = curve.at(loads / cores).sum() + idle * loads.shape[1] * float(curve.at(0.0))
    return Figure(float(watts * hours / 1000), "kWh", Basis.ESTIMATE, curve.source)


def assumed_pue(ratio: float, source: str) -> Figure:
    """Power of the whole site by that of its servers, as published or assumed.

    Raises:
        InvalidArgumentError: Below 1, or not finite.
    """
    if not 1 <= ratio < math.inf:
        raise InvalidArgumentError(f"a PUE of {ratio} cannot be: the site draws all of its servers")
    return Figure(ratio, "ratio", Basis.ESTIMATE, source)


def measured_pue(site_kwh: float, servers_kwh: float, meters: str) -> Figure:
    """The same from two meters over the same time.

    Consolidation can make it worse while less energy is used, because what cooling and
    conversion draw is partly fixed: compare energy, not this.

    Raises:
        InvalidArgumentError: Nothing was drawn, or the servers drew more than the site.
    """
    if not 0 < servers_kwh <= site_kwh < math.inf:
        raise InvalidArgumentError(
            f"the meters say {servers_kwh} kWh of the servers and {site_kwh} kWh of the site",
            hint="both cover the same time, and the site's includes the servers'",
        )
    return Figure(site_kwh / servers_kwh, "ratio", Basis.MEASURED, meters)


def carbon(site_kwh: Figure, grams_per_kwh: float, source: str) -> Figure:
    """Emissions of the electricity, always an estimate: no meter sees where it came from.

    Args:
        site_kwh: Of the whole site.
        grams_per_kwh: CO2-equivalent of the grid, gCO2e per kWh.
        source: Of that number.
    """
    grid = Figure(grams_per_kwh, "gCO2e/kWh", Basis.ESTIMATE, source)
    return site_kwh.times(grid, "gCO2e")


def of_workloads(server_watts: float, idle_watts: float, used: Floats, asked: Floats) -> Floats:
    """What each workload on a server draws: a share by use and a share by request, in watts.

    The idle power is shared by what each asks, because that holds the server; the rest by what
    each uses. The sum is the server's power, whatever is idle.

    Args:
        server_watts: Of the whole server.
        idle_watts: Of the server with nothing to do.
        used: Cores that each workload uses.
        asked: Cores that each asks, above zero.
    """
    base = min(idle_watts, server_watts)
    shares = asked / asked.sum()
    busy = used / used.sum() if used.sum() > 0 else shares
    return np.asarray(base * shares + (server_watts - base) * busy, dtype=np.float32)
