"""The kit's kill rate that certificates tell is what the kill report found."""

from __future__ import annotations

import pytest

from kill_report import Kill, rates
from omnicloud_tck.certificates.kills import kill_rates
from omnicloud_tck.certificates.rungs import RUNGS
from omnicloud_tck.contracts import CONTRACTS
from omnicloud_tck.law import Rung


def kill(id_: str, tier: str, *laws: str) -> Kill:
    return Kill(id_, tier, "sagas", "", laws, 0.1)


def told(*kills: Kill) -> list[tuple[int, int]]:
    found = rates(list(kills)).contracts["sagas"]
    return [(found[rung].killed, found[rung].drivers) for rung in RUNGS]


def test_a_rung_counts_the_drivers_of_its_tiers_and_what_laws_up_to_it_find() -> None:
    gross = kill("A", "T0", "SA-001")  # shape
    subtle = kill("B", "T1", "SA-006")  # concurrency
    assert told(gross, subtle) == [(1, 1), (1, 2), (2, 2), (2, 2), (2, 2)]


def test_a_driver_that_one_seed_misses_is_not_killed() -> None:
    once, missed = kill("A", "T0", "SA-001"), kill("A", "T0")
    assert told(once, missed)[-1] == (0, 1)


def test_a_law_that_hung_counts_as_one_that_found_it() -> None:
    assert told(kill("A", "T0", "SA-001 (hung)"))[0] == (1, 1)


@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_the_rates_that_are_kept_were_measured_on_every_rung(contract: str) -> None:
    measured = kill_rates(contract)
    assert measured is not None
    assert set(measured) == set(Rung)
    drivers = [measured[rung].drivers for rung in RUNGS]
    assert drivers == sorted(drivers)
    assert all(0 < measured[rung].killed <= measured[rung].drivers for rung in RUNGS)


def test_what_was_not_measured_is_said_to_be_not_measured() -> None:
    assert kill_rates("telepathy") is None
