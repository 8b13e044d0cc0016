"""Power shared among running containers, summed and published."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from omnicloud.contracts.containers import Containers, ContainerSpec
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.placement.energy.accounts import (
    EMISSIONS,
    ENERGY,
    MOST,
    OTHERS,
    POWER,
    Accounts,
    Use,
)
from omnicloud.placement.energy.figures import Basis, Figure
from omnicloud.placement.energy.power import PowerCurve
from omnicloud.placement.energy.sensors import Rapl
from omnicloud.placement.energy.site import assumed_pue
from omnicloud.placement.energy.watching import ServerPower, watch_energy
from omnicloud.testing import LoopClock, run_virtual

CURVE = PowerCurve((0.0, 1.0), (100.0, 300.0), "a test")
PUE = assumed_pue(1.5, "a test")
IDLE = ("sleep", "3600")
BUSY = ("sh", "-c", "while true; do :; done")
METERED = Figure(200.0, "W", Basis.MEASURED, "a meter")
GUESSED = Figure(200.0, "W", Basis.ESTIMATE, "a guess")


def accounts(grams: float | None = None) -> tuple[Accounts, InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    return Accounts("apps", 4.0, pue=PUE, grams_per_kwh=grams, provider=provider), reader


def points(reader: InMemoryMetricReader, name: str) -> dict[str, NumberDataPoint]:
    data = reader.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == name:
                    for point in metric.data.data_points:
                        assert isinstance(point, NumberDataPoint)
                        found[str((point.attributes or {})["workload"])] = point
    return found


def test_idle_power_goes_by_what_was_asked_and_the_rest_by_what_was_used() -> None:
    told, _ = accounts()
    told.take(METERED, 100.0, 10.0, {"a": Use(1.0, 1.0), "b": Use(0.0, 2.0)}, busy=2.0)
    shares = {name: one.watts for name, one in told.told().items()}
    assert shares == pytest.approx({"a": 25 + 50, "b": 50.0, OTHERS: 25 + 50})
    assert sum(shares.values()) == pytest.approx(METERED.value)


def test_energy_adds_up_and_one_estimate_makes_the_sum_an_estimate() -> None:
    told, _ = accounts()
    for figure in (METERED, GUESSED):
        told.take(figure, 100.0, 10.0, {"a": Use(1.0, 4.0)}, busy=1.0)
    told.take(METERED, 100.0, 10.0, {}, busy=1.0)
    one = told.told()["a"]
    assert one.joules == pytest.approx(4000.0)
    assert (one.watts, one.basis) == (0.0, Basis.ESTIMATE)


def test_metrics_carry_watts_joules_and_the_site_s_emissions() -> None:
    told, reader = accounts(grams=360.0)
    told.take(METERED, 100.0, 3600.0, {"a": Use(4.0, 4.0)}, busy=4.0)
    assert points(reader, POWER)["a"].value == pytest.approx(200.0)
    energy = points(reader, ENERGY)["a"]
    assert energy.value == pytest.approx(720_000.0)
    assert dict(energy.attributes or {}) == {
        "service": "apps",
        "workload": "a",
        "basis": "measured",
    }
    assert points(reader, EMISSIONS)["a"].value == pytest.approx(0.2 * 360 * 1.5)


def test_without_a_grid_there_are_no_emissions() -> None:
    told, reader = accounts()
    told.take(METERED, 100.0, 10.0, {"a": Use(1.0, 1.0)}, busy=1.0)
    assert points(reader, EMISSIONS) == {}
    assert told.grams(told.told()["a"]) is None


def test_workloads_beyond_the_bound_are_counted_with_the_others() -> None:
    told, _ = accounts()
    many = {f"w{number}": Use(0.0, 0.0) for number in range(MOST + 5)}
    told.take(METERED, 100.0, 1.0, many, busy=0.0)
    told.take(METERED, 100.0, 1.0, {"late": Use(4.0, 4.0)}, busy=4.0)
    assert len(told.told()) <= MOST + 1
    assert "late" not in told.told()
    assert told.told()[OTHERS].joules == pytest.approx(400.0)


@pytest.mark.parametrize(("cores", "grams"), [(0.0, 1.0), (4.0, -1.0), (4.0, float("nan"))])
def test_accounts_that_cannot_be_are_refused(cores: float, grams: float) -> None:
    with pytest.raises(InvalidArgumentError):
        Accounts("apps", cores, pue=PUE, grams_per_kwh=grams)


def test_running_containers_are_watched_and_the_busy_one_draws_more() -> None:
    clock = LoopClock()
    told, _ = accounts()

    async def main() -> Figure:
        containers = Containers(Pipeline(MemoryContainers(MemoryStore(clock), "c")), clock)
        for name, command in (("idle", IDLE), ("busy", BUSY)):
            await containers.run(
                ContainerSpec(name=name, command=command, cpu=1.0, memory_bytes=64 << 20)
            )
        power = ServerPower(4.0, CURVE)
        try:
            return await watch_energy(containers, told, power, seconds=30, interval=1, clock=clock)
        finally:
            await containers.aclose()

    figure = run_virtual(main())
    shares = told.told()
    assert figure.basis is Basis.ESTIMATE
    assert shares["idle"].watts == pytest.approx(25.0)
    assert shares["busy"].watts > 1.5 * shares["idle"].watts
    assert shares[OTHERS].watts == pytest.approx(50.0)
    assert sum(one.watts for one in shares.values()) == pytest.approx(figure.value)
    assert sum(one.joules for one in shares.values()) > 29 * 100


def test_a_host_with_counters_is_measured(tmp_path: Path) -> None:
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for name, text in (("name", "package-0"), ("energy_uj", "0"), ("max_energy_range_uj", "9")):
        (zone / name).write_text(text)
    power = ServerPower(4.0, CURVE, Rapl.find(tmp_path))
    power.begin()
    (zone / "energy_uj").write_text("120000000")
    figure = power.over(2.0, busy=0.0)
    assert figure.value == pytest.approx(60.0)
    assert figure.basis is Basis.MEASURED
    assert "package-0" in figure.how
