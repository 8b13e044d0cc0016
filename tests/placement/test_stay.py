"""Workloads go where they keep a node for the least time longer, by chances learnt from others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.forecast.survival import HORIZONS_SECONDS, Kinds, Survival
from omnicloud.placement.model.labels import labels
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.objectives.stay import Stays

BRIEF, LASTING = 900.0, 5 * 86_400.0
NODES = [Node(name=f"n{number}", capacity=Resources(cpu_cores=4)) for number in range(3)]
SEEN = [(("brief",), BRIEF)] * 99 + [(("lasting",), LASTING)] * 99 + [(("either",), BRIEF)] * 50
SURVIVAL = Survival([*SEEN, *[(("either",), LASTING)] * 50])


def asks(name: str, kind: str) -> Workload:
    return Workload(name=name, request=Resources(cpu_cores=1), labels=labels({"kind": kind}))


def kinds(workload: Workload) -> Kinds:
    return (dict(workload.labels)["kind"],)


def fleet(batches: dict[str, str] | None = None) -> tuple[Fleet, Stays]:
    found = Fleet.of(Snapshot.of(NODES))
    stays = found.book(Stays)
    stays.learn(SURVIVAL, kinds, (lambda w: batches[w.name]) if batches else None)
    return found, stays


def chance(kind: str, age: float, horizon: float) -> float:
    curve = np.array([SURVIVAL.curve((kind,))])
    column = int(HORIZONS_SECONDS.tolist().index(horizon))
    return float(SURVIVAL.chances(curve, np.array([age]))[0, column])


def test_chances_are_told_anew_at_every_age() -> None:
    assert chance("either", 0, 1800) == pytest.approx(0.5, abs=0.01)
    assert chance("either", 2000, 1800) > 0.98  # who stayed that long is one of those that stay


def test_a_clock_that_was_set_back_makes_nobody_old() -> None:
    assert chance("either", -500, 1800) == chance("either", 0, 1800)


def there_yet(survival: Survival, kind: str, horizon: float) -> float:
    column = int(HORIZONS_SECONDS.tolist().index(horizon))
    return float(survival.chances(np.array([survival.curve((kind,))]), np.zeros(1))[0, column])


def test_a_kind_that_was_hardly_seen_counts_nearly_as_all_others() -> None:
    few = Survival([(("rare",), LASTING)] * 3 + [(("usual",), BRIEF)] * 300)
    assert there_yet(few, "rare", 3600) < 0.2
    more = Survival([(("rare",), LASTING)] * 300 + [(("usual",), BRIEF)] * 300)
    assert there_yet(more, "rare", 3600) > 0.95


def test_those_that_have_not_left_count_for_as_long_as_they_were_there() -> None:
    left = [(("k",), BRIEF)] * 100
    ignored, counted = Survival(left), Survival(left, [(("k",), 7200.0)] * 100)
    assert there_yet(ignored, "k", 3600) < 0.05
    assert there_yet(counted, "k", 3600) == pytest.approx(0.5, abs=0.05)
    young = Survival(left, [(("k",), 300.0)] * 100)  # say nothing of those that are older
    assert there_yet(young, "k", 3600) < 0.05


def test_who_has_not_left_is_not_taken_to_stay_for_ever() -> None:
    forever = Survival([(("k",), BRIEF)] * 50, [(("k",), 7200.0)] * 50)
    assert there_yet(forever, "k", 6 * 86_400.0) < 0.9 * there_yet(forever, "k", 7200.0)


def test_a_narrow_kind_goes_before_a_wide_one() -> None:
    assert SURVIVAL.curve(("unheard", "lasting")) == SURVIVAL.curve(("lasting",))


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
def test_a_lifetime_that_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidArgumentError, match="no time"):
        Survival([((), seconds)])


def test_nothing_is_learnt_from_nobody() -> None:
    with pytest.raises(InvalidArgumentError, match="seen"):
        Survival([])


def test_who_stays_goes_to_who_stays() -> None:
    there, _ = fleet()
    there.add(asks("b", "brief"), 0)
    there.add(asks("l", "lasting"), 1)
    placer = Placer(there, Options(aims=(Aim("stay"),)), Catalogue.of())
    assert placer.find(asks("w", "lasting")) == 1


def test_who_leaves_soon_does_not_take_the_room_of_who_stays() -> None:
    there, stays = fleet()
    surely = Survival([*SEEN], beside=0.01)
    stays.learn(surely, kinds)
    for number in range(3):
        there.add(asks(f"l{number}", "lasting"), 1)
    placer = Placer(there, Options(aims=(Aim("stay"),)), Catalogue.of())
    assert placer.find(asks("w", "brief")) == 0  # a node is opened: half an hour against days
    assert placer.find(asks("w", "lasting")) == 1
    stays.learn(surely, kinds, held=0.0)
    assert placer.find(asks("w", "brief")) == 1


@pytest.mark.parametrize("held", [-0.1, 1.1, math.nan])
def test_a_price_of_held_room_that_is_none_is_refused(held: float) -> None:
    _, stays = fleet()
    with pytest.raises(InvalidArgumentError, match="held"):
        stays.learn(SURVIVAL, kinds, held=held)


def test_an_old_workload_that_might_have_left_early_is_company_that_stays() -> None:
    there, stays = fleet()
    there.add(asks("old", "either"), 1)
    stays.advance(7200.0)
    there.add(asks("new", "either"), 0)
    placer = Placer(there, Options(aims=(Aim("stay"),)), Catalogue.of())
    assert placer.find(asks("w", "lasting")) == 1


def test_companions_count_once() -> None:
    there, stays = fleet({"a": "batch", "b": "batch", "c": "other"})
    there.add(asks("a", "either"), 0)
    alone = stays.left(slice(0, 1)).copy()
    there.add(asks("b", "either"), 0)
    assert np.array_equal(stays.left(slice(0, 1)), alone)
    there.add(asks("c", "either"), 0)
    assert (stays.left(slice(0, 1)) <= alone).all()
    assert not np.array_equal(stays.left(slice(0, 1)), alone)


def test_a_node_that_got_empty_is_empty_and_the_book_agrees_with_one_made_anew() -> None:
    there, stays = fleet()
    for number in range(90):  # more than the columns have room for at first
        there.add(asks(f"w{number}", ("brief", "lasting", "either")[number % 3]), number % 2)
    for number in range(0, 90, 4):
        there.remove(f"w{number}")
    kept = stays.left(slice(None)).copy()
    stays.advance(stays.now)
    assert kept == pytest.approx(stays.left(slice(None)))
    for number in range(90):
        if number % 4:
            there.remove(f"w{number}")
    assert (stays.left(slice(None)) == 1.0).all()


def test_those_that_are_there_when_lifetimes_are_learnt_count() -> None:
    found = Fleet.of(Snapshot.of(NODES, placed={"n1": [asks("l", "lasting")]}))
    stays = found.book(Stays)
    stays.learn(SURVIVAL, kinds)
    assert stays.left(slice(0, 2))[0] == pytest.approx(np.ones(len(HORIZONS_SECONDS)))
    before_leaving = HORIZONS_SECONDS < LASTING - 86_400
    assert stays.left(slice(1, 2))[0, before_leaving].max() < 0.2
