"""Energy of running containers: their stats beside the host's sensors, interval by interval."""

from __future__ import annotations

from omnicloud.contracts.containers import Container, Containers, State
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.placement.energy.accounts import Accounts, Use
from omnicloud.placement.energy.figures import Basis, Figure
from omnicloud.placement.energy.power import PowerCurve
from omnicloud.placement.energy.sensors import HostLoad, Rapl
from omnicloud.placement.forecast.counters import CounterRates

__all__ = ["ServerPower", "watch_energy"]

_HOST = ""  # no workload has an empty name


class ServerPower:
    """Power of this server: by its own counters, or by a curve where it shows none.

    Args:
        cores: Of the server.
        curve: Of the whole server by its load; its idle power is shared by request either way.
        rapl: The counters; without them the curve serves, and the figure is an estimate.
    """

    def __init__(self, cores: float, curve: PowerCurve, rapl: Rapl | None = None) -> None:
        self.cores = cores
        self.idle_watts = float(curve.at(0.0))
        self._curve = curve
        self._rapl = rapl

    def begin(self) -> None:
        """Start an interval."""
        if self._rapl is not None:
            self._rapl.joules()

    def over(self, seconds: float, busy: float) -> Figure:
        """Watts since the interval before, in which so many cores were in use.

        Raises:
            PermissionDeniedError: The counters are for root alone.
        """
        if self._rapl is not None:
            how = f"RAPL: {', '.join(self._rapl.names)}"
            return Figure(self._rapl.joules() / seconds, "W", Basis.MEASURED, how)
        watts = float(self._curve.at(busy / self.cores))
        return Figure(watts, "W", Basis.ESTIMATE, self._curve.source)


async def watch_energy(
    containers: Containers,
    accounts: Accounts,
    power: ServerPower,
    *,
    seconds: Seconds,
    interval: Seconds = 1.0,
    load: HostLoad | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Figure:
    """Share this server's power among the containers that run on it, for so many seconds.

    Args:
        containers: Of an engine on this server.
        accounts: Takes every interval in, and publishes it.
        power: Of this server.
        load: Cores in use on the whole host; without it those of the containers.

    Returns:
        The power of the whole server over the last interval.

    Raises:
        UnsupportedError: The provider has no stats.
        UnavailableError: The engine cannot be reached.
        PermissionDeniedError: The host's counters are for root alone.
    """
    length, pause = positive(seconds, "seconds"), positive(interval, "interval")
    rates = CounterRates(longest=10 * pause + 60)
    power.begin()
    began = last = clock.monotonic()
    figure = Figure(0.0, "W", Basis.ESTIMATE, "nothing yet")
    await _uses(containers, rates)
    _busy(rates, load, began)
    while clock.monotonic() - began < length:
        await clock.sleep(min(pause, began + length - clock.monotonic()))
        uses = await _uses(containers, rates)
        now = clock.monotonic()
        told = _busy(rates, load, now)
        busy = sum(use.used for use in uses.values()) if told is None else told
        figure = power.over(now - last, busy)
        accounts.take(figure, power.idle_watts, now - last, uses, busy)
        last = now
    return figure


async def _uses(containers: Containers, rates: CounterRates) -> dict[str, Use]:
    """Of each that runs; of one that is seen for the first time, what it asks alone."""
    uses = {}
    for one in await containers.list():
        if one.state is State.RUNNING:
            uses[one.name] = await _use(containers, rates, one)
    return uses


async def _use(containers: Containers, rates: CounterRates, one: Container) -> Use:
    stats = await anext(containers.stats(one.name), None)
    used = None if stats is None else rates.rate(one.name, stats.at, stats.cpu_seconds)
    return Use(used or 0.0, one.resources.cpu or 0.0)


def _busy(rates: CounterRates, load: HostLoad | None, now: float) -> float | None:
    if load is None or not load.known:
        return None
    return rates.rate(_HOST, now, load.cpu_seconds())
