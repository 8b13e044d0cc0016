"""Regions for replicas: equal to looking at every choice, within every bound, or a clear no."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.regions import (
    NoSuchChoiceError,
    Region,
    RegionQuestion,
    choose_regions,
)


@st.composite
def questions(draw: st.DrawFn) -> RegionQuestion:
    count = draw(st.integers(1, 8))
    names = [f"r{number}" for number in range(count)]
    amount = st.integers(0, 20).map(float)
    regions = tuple(
        Region(name, draw(amount), draw(amount), frozenset(draw(st.sets(st.sampled_from("ab")))))
        for name in names
    )
    places = [f"p{number}" for number in range(draw(st.integers(1, 6)))]
    users = {place: draw(st.floats(0.1, 5.0)) for place in places}
    latency = {place: {name: draw(amount) for name in names} for place in places}
    bound = st.one_of(st.just(math.inf), st.integers(0, 60).map(float))
    return RegionQuestion(
        regions,
        users,
        latency,
        draw(st.integers(1, count)),
        draw(st.one_of(st.none(), st.just(frozenset("a")))),
        draw(bound),
        draw(bound),
        draw(bound),
    )


def every_choice(asked: RegionQuestion) -> dict[tuple[str, ...], float]:
    """All that keep the bounds, with their means: nothing shared with the search."""
    found = {}
    for some in combinations(sorted(asked.regions, key=lambda one: one.name), asked.replicas):
        nearest = {
            place: min(asked.latency[place][one.name] for one in some) for place in asked.users
        }
        lawful = all(asked.residency is None or one.jurisdictions & asked.residency for one in some)
        cheap = sum(one.price for one in some) <= asked.price_at_most
        clean = sum(one.carbon for one in some) <= asked.carbon_at_most
        near = max(nearest.values()) <= asked.latency_at_most
        if lawful and cheap and clean and near:
            total = sum(asked.users.values())
            mean = sum(share * nearest[place] for place, share in asked.users.items()) / total
            found[tuple(one.name for one in some)] = mean
    return found


@settings(max_examples=300, deadline=None)
@given(questions())
def test_it_is_the_best_of_all_choices_or_there_is_none(asked: RegionQuestion) -> None:
    choices = every_choice(asked)
    if not choices:
        with pytest.raises(NoSuchChoiceError):
            choose_regions(asked)
        return
    chosen = choose_regions(asked)
    assert chosen.exact
    assert chosen.regions in choices
    assert chosen.mean_ms == pytest.approx(min(choices.values()))
    assert chosen.mean_ms == pytest.approx(choices[chosen.regions])
    assert chosen.bound_ms == pytest.approx(chosen.mean_ms)


@settings(max_examples=100, deadline=None)
@given(questions(), st.integers(1, 6))
def test_with_little_work_allowed_the_bound_is_one(asked: RegionQuestion, looks: int) -> None:
    choices = every_choice(asked)
    try:
        chosen = choose_regions(asked, most_looks=looks)
    except NoSuchChoiceError:
        return
    best = min(choices.values())
    assert chosen.bound_ms <= best + 1e-6
    assert chosen.mean_ms >= best - 1e-6
    assert not chosen.exact or chosen.mean_ms == pytest.approx(best)


@given(questions())
@settings(max_examples=50, deadline=None)
def test_the_order_of_what_is_given_changes_nothing(asked: RegionQuestion) -> None:
    turned = RegionQuestion(
        asked.regions[::-1],
        dict(sorted(asked.users.items(), reverse=True)),
        asked.latency,
        asked.replicas,
        asked.residency,
        asked.price_at_most,
        asked.carbon_at_most,
        asked.latency_at_most,
    )
    try:
        chosen = choose_regions(asked)
    except NoSuchChoiceError:
        with pytest.raises(NoSuchChoiceError):
            choose_regions(turned)
        return
    assert choose_regions(turned).regions == chosen.regions


def test_the_loss_of_a_region_is_foretold() -> None:
    latency = {"x": {"near": 1.0, "far": 9.0}, "y": {"near": 9.0, "far": 1.0}}
    asked = RegionQuestion((Region("near"), Region("far")), {"x": 3, "y": 1}, latency, 2)
    chosen = choose_regions(asked)
    assert (chosen.mean_ms, chosen.worst_ms) == (1.0, 1.0)
    assert chosen.serves == {"x": "near", "y": "far"}
    assert chosen.mean_ms_without == {"near": 7.0, "far": 3.0}


def test_every_mistake_is_told_at_once() -> None:
    asked = RegionQuestion(
        (Region("a", price=-1.0), Region("a")),
        {"x": 0.0, "y": 1.0},
        {"x": {"a": 1.0}, "y": {"a": math.nan}},
        3,
        carbon_at_most=-1.0,
    )
    with pytest.raises(InvalidArgumentError) as raised:
        choose_regions(asked)
    for said in (
        "named twice",
        "price of 'a'",
        "share of 'x'",
        "latency['y']['a']",
        "replicas is 3",
    ):
        assert said in str(raised.value)
    assert "carbon_at_most" in str(raised.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"replicas": 1.5}, "replicas is 1.5"),
        ({"replicas": 300}, "it must be 1 to 256"),
        ({"users": {"x": 10**400}}, "the share of 'x'"),
    ],
)
def test_numbers_that_no_search_could_bear_are_named(said: dict[str, object], words: str) -> None:
    names = [f"r{number}" for number in range(400)]
    regions = tuple(map(Region, names))
    asked = RegionQuestion(regions, {"x": 1.0}, {"x": dict.fromkeys(names, 1.0)}, 2)
    with pytest.raises(InvalidArgumentError, match=words):
        choose_regions(replace(asked, **said))


def test_what_forbids_every_choice_is_said_in_numbers() -> None:
    regions = (Region("a", price=3.0), Region("b", price=2.0))
    asked = RegionQuestion(regions, {"x": 1.0}, {"x": {"a": 1.0, "b": 5.0}}, 1, price_at_most=1.0)
    with pytest.raises(NoSuchChoiceError) as raised:
        choose_regions(asked)
    assert "price 2" in str(raised.value.hint)
