"""Counters of the host, as the kernel lays them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omnicloud.errors import CorruptedError, PermissionDeniedError
from omnicloud.placement.energy.sensors import STAT, HostLoad, Rapl

RANGE = 262_143_328_850


def zone(root: Path, folder: str, name: str, energy: int) -> Path:
    made = root / folder
    made.mkdir()
    (made / "name").write_text(f"{name}\n")
    (made / "energy_uj").write_text(f"{energy}\n")
    (made / "max_energy_range_uj").write_text(f"{RANGE}\n")
    return made


def test_packages_and_their_memory_are_counted_once_and_parts_of_packages_never(
    tmp_path: Path,
) -> None:
    zones = [
        zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000),
        zone(tmp_path, "intel-rapl:0:0", "core", 500_000),
        zone(tmp_path, "intel-rapl:0:1", "dram", 2_000_000),
        zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000),
        zone(tmp_path, "intel-rapl:2", "psys", 9_000_000),
    ]
    rapl = Rapl.find(tmp_path)
    assert rapl is not None
    assert rapl.names == ("package-0", "dram", "package-1")
    assert rapl.joules() == 0
    for one in zones:
        file = one / "energy_uj"
        file.write_text(f"{int(file.read_text()) + 3_000_000}\n")
    assert rapl.joules() == pytest.approx(9.0)
    assert rapl.joules() == 0


def test_a_counter_that_started_anew_goes_on(tmp_path: Path) -> None:
    only = zone(tmp_path, "intel-rapl:0", "package-0", RANGE - 1_000_000)
    rapl = Rapl.find(tmp_path)
    assert rapl is not None
    rapl.joules()
    (only / "energy_uj").write_text("2000000\n")
    assert rapl.joules() == pytest.approx(3.000001)


def test_a_host_without_counters_has_none(tmp_path: Path) -> None:
    assert Rapl.find(tmp_path) is None
    assert Rapl.find(tmp_path / "absent") is None
    zone(tmp_path, "intel-rapl:0", "psys", 1)
    assert Rapl.find(tmp_path) is None


def test_a_counter_that_is_no_number_is_corrupted(tmp_path: Path) -> None:
    only = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    rapl = Rapl.find(tmp_path)
    assert rapl is not None
    (only / "energy_uj").write_text("much")
    with pytest.raises(CorruptedError, match="energy_uj is no number"):
        rapl.joules()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_counters_for_root_alone_say_so(tmp_path: Path) -> None:
    only = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (only / "energy_uj").chmod(0)
    rapl = Rapl.find(tmp_path)
    assert rapl is not None
    with pytest.raises(PermissionDeniedError, match="root"):
        rapl.joules()


def test_the_host_s_processor_time_is_all_but_idle_waiting_and_stolen(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 9999 8888 4 6 7777 55 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert HostLoad(stat).cpu_seconds() == pytest.approx(160 / os.sysconf("SC_CLK_TCK"))
    assert not HostLoad(tmp_path / "absent").known
    stat.write_text("nonsense")
    with pytest.raises(CorruptedError):
        HostLoad(stat).cpu_seconds()


@pytest.mark.skipif(not STAT.exists(), reason="only Linux tells it")
def test_this_host_s_processor_time_grows() -> None:
    load = HostLoad()
    before = load.cpu_seconds()
    while load.cpu_seconds() == before:
        sum(range(10_000))
    assert load.cpu_seconds() > before > 0
