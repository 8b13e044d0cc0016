"""The search keeps every bound, is never worse than first fit and never better than the optimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from omnicloud.errors import InvalidArgumentError
from omnicloud.placement.search.first_fit import first_fit as first_fit_at
from omnicloud.placement.search.pack import pack
from omnicloud.placement.search.problem import Bound, Problem

WHOLE = 20


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    kinds = draw(st.integers(1, 4))
    columns = draw(st.sampled_from([1, 2, 9]))
    demands = [[draw(st.integers(0, WHOLE)) for _ in range(columns)] for _ in range(kinds)]
    items = draw(st.lists(st.integers(0, kinds - 1), min_size=1, max_size=8))
    bounds = []
    for _ in range(draw(st.integers(0, 3))):
        one, other = draw(st.integers(0, kinds - 1)), draw(st.integers(0, kinds - 1))
        bounds.append(Bound(one, other, draw(st.integers(int(one == other), 2))))
    return Problem(np.array(demands) / WHOLE, np.array(items), tuple(bounds))


def first_fit(problem: Problem) -> int:
    """Plainly: each item onto the first machine where nothing breaks."""
    machines: list[list[int]] = []
    for kind in problem.items.tolist():
        for inside in machines:
            if kept(problem, [*inside, kind]):
                inside.append(kind)
                break
        else:
            machines.append([kind])
    return len(machines)


def kept(problem: Problem, kinds: list[int]) -> bool:
    if (np.round(problem.demands * WHOLE)[kinds].sum(axis=0) > WHOLE).any():
        return False
    return not any(
        one.kind in kinds and kinds.count(one.other) > one.at_most for one in problem.bounds
    )


def optimum(problem: Problem) -> int:
    items = problem.items.tolist()
    whole = np.round(problem.demands * WHOLE).astype(int)
    model = cp_model.CpModel()
    at = [[model.new_bool_var("") for _ in items] for _ in items]
    used = [model.new_bool_var("") for _ in items]
    for row in at:
        model.add_exactly_one(row)
    for m in range(len(items)):
        for column in range(whole.shape[1]):
            load = sum(int(whole[k, column]) * at[i][m] for i, k in enumerate(items))
            model.add(load <= WHOLE * used[m])
        model.add(sum(row[m] for row in at) <= len(items) * used[m])
        for one in problem.bounds:
            others = sum(at[i][m] for i, k in enumerate(items) if k == one.other)
            for i, kind in enumerate(items):
                if kind == one.kind:
                    model.add(others <= one.at_most).only_enforce_if(at[i][m])
    model.minimize(sum(used))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return round(solver.objective_value)


@settings(max_examples=30, deadline=None)
@given(problems(), st.integers(0, 3))
def test_between_the_optimum_and_first_fit_with_every_bound_kept(
    problem: Problem, fewer: int
) -> None:
    greedy = first_fit(problem)
    packed = pack(problem, machines=max(1, greedy - fewer), steps=100)
    assert problem.broken(packed.at) == ""
    machines = [problem.items[packed.at == m].tolist() for m in range(packed.machines)]
    assert all(inside and kept(problem, inside) for inside in machines)
    assert problem.least <= optimum(problem) <= packed.machines <= greedy


def test_a_packing_repeats_and_a_search_may_be_ended() -> None:
    dice = np.random.default_rng(3)
    problem = Problem(dice.uniform(0, 0.4, (20, 12)), dice.integers(0, 20, 120))
    first = pack(problem, machines=60, steps=500, seed=5)
    assert (pack(problem, machines=60, steps=500, seed=5).at == first.at).all()
    ended = pack(problem, machines=60, steps=500, seed=5, enough=lambda: True)
    assert (ended.steps, problem.broken(ended.at)) == (0, "")
    assert first.machines <= ended.machines


def test_the_search_does_with_fewer_machines_than_first_fit() -> None:
    dice = np.random.default_rng(11)
    base = dice.choice([0.05, 0.1, 0.2, 0.3], (30, 1))
    demands = np.minimum(base * dice.uniform(0.2, 1.8, (30, 16)), 1.0)
    bounds = [Bound(int(a), int(b), 0) for a, b in dice.integers(0, 30, (20, 2)) if a != b]
    problem = Problem(demands, dice.integers(0, 30, 240), tuple(bounds))
    plain = int(first_fit_at(problem).max()) + 1
    packed = pack(problem, machines=int(1.1 * problem.least), steps=3000)
    assert problem.broken(packed.at) == ""
    assert packed.machines <= 0.95 * plain


def test_what_breaks_a_bound_is_said() -> None:
    problem = Problem(np.array([[0.6], [0.1]]), np.array([0, 0, 1]), (Bound(0, 1, 0),))
    assert problem.broken(np.array([0, 0, 1])) == "machine 0 is overfilled"
    assert problem.broken(np.array([0, 1, 1])) == "kind 0 has more than 0 of 1 beside it"
    assert problem.broken(np.array([0, 1, 2])) == ""


@pytest.mark.parametrize(
    ("demands", "bounds", "words"),
    [
        ([[1.5]], (), "ask more than a machine has"),
        ([[-0.1]], (), "demands are 0 or more"),
        ([[np.nan]], (), "demands are 0 or more"),
        ([[0.1]], (Bound(0, 0, 0),), "lets no item of its own kind"),
        ([[0.1]], (Bound(0, 9, 1),), "there are 1 kinds"),
        (np.zeros((0, 1)), (), "there are 0 kinds"),
    ],
)
def test_what_cannot_be_packed_is_refused(
    demands: list[list[float]], bounds: tuple[Bound, ...], words: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        Problem(np.array(demands), np.array([0]), bounds)
