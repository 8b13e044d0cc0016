"""Nodes are bought as cheaply as the search finds, and never too few."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.forecast.forecast import Forecast, Term, sizes_alone
from omnicloud.placement.forecast.purchase import Offer, buy
from omnicloud.placement.forecast.reductions import Peak

OFFERS = (Offer("lean", 8, 8, 1.0), Offer("wide", 8, 32, 1.5))
sizes = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 32)), min_size=1, max_size=4)


def forecasts(wanted: list[tuple[int, int]]) -> tuple[Forecast, Forecast]:
    names = tuple(f"w{number}" for number in range(len(wanted)))
    amounts = np.array(wanted, dtype=np.float32)
    return sizes_alone(names, amounts[:, 0]), sizes_alone(names, amounts[:, 1])


def cheapest(wanted: list[tuple[int, int]]) -> float:
    """Every placement onto every mix."""
    prices = []
    for count in range(1, len(wanted) + 1):
        for mix in combinations_with_replacement(OFFERS, count):
            for nodes in product(range(count), repeat=len(wanted)):
                held = np.zeros((count, 2))
                np.add.at(held, list(nodes), np.array(wanted))
                if all(h[0] <= o.cpu and h[1] <= o.memory for h, o in zip(held, mix, strict=True)):
                    prices.append(sum(one.price for one in mix))
                    break
    return min(prices)


@settings(max_examples=20, deadline=None)
@given(sizes)
def test_no_node_is_overfilled_and_nothing_is_cheaper_than_the_cheapest(
    wanted: list[tuple[int, int]],
) -> None:
    bought = buy(*forecasts(wanted), OFFERS)
    held = np.zeros((len(bought.nodes), 2))
    np.add.at(held, bought.node_of, np.array(wanted))
    assert all(held[:, 0] <= [one.cpu for one in bought.nodes])
    assert all(held[:, 1] <= [one.memory for one in bought.nodes])
    alone = sum(min(o.price for o in OFFERS if m <= o.memory) for _, m in wanted)
    assert cheapest(wanted) - 1e-9 <= bought.price <= alone + 1e-9


def test_types_are_mixed_where_one_alone_is_dearer() -> None:
    bought = buy(*forecasts([(8, 30), (4, 4), (4, 4), (8, 8)]), OFFERS)
    assert sorted(one.name for one in bought.nodes) == ["lean", "lean", "wide"]


def test_workloads_that_are_busy_in_turn_share_a_node() -> None:
    profiles = np.array([[8, 0], [0, 8]], dtype=np.float32)
    cpu = Forecast(("day", "night"), (Term(1.0, profiles, Peak()),))
    assert len(buy(cpu, sizes_alone(("day", "night"), np.ones(2, np.float32)), OFFERS).nodes) == 1


def test_a_workload_that_fits_onto_no_offer_is_named() -> None:
    with pytest.raises(InvalidArgumentError, match="'w1'"):
        buy(*forecasts([(1, 1), (9, 1)]), OFFERS)


def test_nothing_is_bought_for_nobody() -> None:
    none = sizes_alone((), np.zeros(0, np.float32))
    bought = buy(none, none, OFFERS)
    assert bought.nodes == ()
    assert bought.price == 0


def test_an_offer_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'void'"):
        Offer("void", 0, 8, 1.0)
    for price in (float("nan"), float("inf")):
        with pytest.raises(InvalidArgumentError, match="'priceless'"):
            Offer("priceless", 4, 8, price)


def test_forecasts_of_different_workloads_are_refused() -> None:
    cpu, memory = forecasts([(1, 1)])[0], forecasts([(1, 1), (1, 1)])[1]
    with pytest.raises(InvalidArgumentError, match="two forecasts alike"):
        buy(cpu, memory, OFFERS)
