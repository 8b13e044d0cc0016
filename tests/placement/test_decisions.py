"""Whatever is drawn: a decision breaks no rule, and says the same again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from placement_checker import broken_rules
from placement_worlds import nodes, options, snapshot_of, workloads

from omnicloud.placement.engine.decide import decide
from omnicloud.placement.engine.ledger import Ledger
from omnicloud.placement.model.checks import check
from omnicloud.placement.model.decision import Decision
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload


def later_snapshot(
    found: list[Node], first: list[Workload], later: list[Workload], asked: Options
) -> Snapshot:
    """What is pending where the first ones have been placed, thinly."""
    thin = Options(aims=(Aim("spread"),), refuse_impossible=True)
    snapshot, decision = decided(found, first, thin)
    ledger = Ledger(snapshot, thin)
    ledger.reserve(snapshot, decision)
    gone = {refusal.workload for refusal in decision.refusals}
    known = {workload.name for workload in first} - gone
    newcomers = [
        replace(
            workload,
            name=f"x{workload.name}",
            depends_on=frozenset(f"x{name}" for name in workload.depends_on),
            talks_to=tuple(t for t in workload.talks_to if t.to in known),
        )
        for workload in later
    ]
    second = ledger.snapshot(newcomers)
    assume(not check(second))
    return second


SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)
drawn = settings(max_examples=40, deadline=None, suppress_health_check=SLOW)


def decided(
    found: list[Node], pending: list[Workload], asked: Options
) -> tuple[Snapshot, Decision]:
    snapshot = snapshot_of(found, pending)
    assume(not check(snapshot))
    return snapshot, decide(snapshot, asked)


@drawn
@given(nodes(), workloads(), options())
def test_no_placement_breaks_a_rule(
    found: list[Node], pending: list[Workload], asked: Options
) -> None:
    snapshot, decision = decided(found, pending, asked)
    assert broken_rules(snapshot, decision) == []


@drawn
@given(nodes(), workloads(most=7), workloads(most=5), options())
def test_no_placement_breaks_a_rule_beside_what_is_placed_already(
    found: list[Node], first: list[Workload], later: list[Workload], asked: Options
) -> None:
    second = later_snapshot(found, first, later, asked)
    assert broken_rules(second, decide(second, asked)) == []


@drawn
@given(nodes(most=3), workloads(), workloads(theme="priority"), options())
def test_nobody_is_evicted_against_a_rule(
    found: list[Node], first: list[Workload], later: list[Workload], asked: Options
) -> None:
    asked = replace(asked, preemption=True)
    second = later_snapshot(found, first, later, asked)
    assert broken_rules(second, decide(second, asked)) == []


@drawn
@given(nodes(), workloads(), options(), st.randoms())
def test_the_order_of_nodes_says_nothing_and_a_decision_repeats_byte_for_byte(
    found: list[Node], pending: list[Workload], asked: Options, random: object
) -> None:
    _, decision = decided(found, pending, asked)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert decide(snapshot_of(shuffled, pending), asked).to_bytes() == decision.to_bytes()


@drawn
@given(nodes(), workloads(), options())
def test_every_refusal_accounts_for_every_node(
    found: list[Node], pending: list[Workload], asked: Options
) -> None:
    _, decision = decided(found, pending, asked)
    for refusal in decision.refusals:
        refused = sum(reason.nodes for reason in refusal.reasons)
        assert refused == len(found) or "depends on" in refusal.words
        assert not any(reason.nearest.passed for reason in refusal.reasons)


@drawn
@given(nodes(), workloads(), options())
def test_scores_are_between_nothing_and_one(
    found: list[Node], pending: list[Workload], asked: Options
) -> None:
    _, decision = decided(found, pending, asked)
    for placement in decision.placements:
        values = [placement.score, *(value for _, value in placement.scores)]
        assert all(-1e-9 <= value <= 1 + 1e-9 for value in values)
