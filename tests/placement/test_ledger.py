"""Slots are taken once, whoever decides, and a world that changed is told."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from omnicloud.errors import ConflictError, InvalidArgumentError, NotFoundError
from omnicloud.placement.engine.decide import decide
from omnicloud.placement.engine.ledger import Ledger
from omnicloud.placement.forecast.forecast import sizes_alone
from omnicloud.placement.forecast.predictors.peak import PeakOfSum
from omnicloud.placement.forecast.usage import Usage
from omnicloud.placement.forecast.verifier import PeakVerifier
from omnicloud.placement.model.decision import Decision
from omnicloud.placement.model.errors import InvalidSnapshotError, PlacementConflictError
from omnicloud.placement.model.labels import Match, labels
from omnicloud.placement.model.node import Gpus, Node
from omnicloud.placement.model.options import Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Affinity, GpuRequest, Talk, Workload

KIND = labels({"app": "a"})
NODES = [Node(name=name, capacity=Resources(cpu_cores=4)) for name in "ab"]


def asks(name: str, cores: float = 3, **said: object) -> Workload:
    return Workload(name=name, request=Resources(cpu_cores=cores), **said)


def test_two_decisions_from_one_snapshot_do_not_take_the_same_slot() -> None:
    ledger = Ledger(Snapshot.of(NODES[:1]))
    one, other = ledger.snapshot([asks("one")]), ledger.snapshot([asks("other")])
    ledger.reserve(one, decide(one))
    with pytest.raises(PlacementConflictError, match="cores of cpu_cores free") as caught:
        ledger.reserve(other, decide(other))
    assert isinstance(caught.value, ConflictError)
    assert [workload for workload, _ in caught.value.reasons] == ["other"]
    assert [one.workload.name for one in ledger.snapshot().placed] == ["one"]


def test_many_threads_that_reserve_at_once_never_overfill_a_node() -> None:
    nodes = [Node(name=f"n{n}", capacity=Resources(cpu_cores=4)) for n in range(5)]
    ledger = Ledger(Snapshot.of(nodes))

    def attempt(number: int) -> bool:
        snapshot = ledger.snapshot([asks(f"w{number}", 1)])
        try:
            ledger.reserve(snapshot, decide(snapshot, Options(refuse_impossible=True)))
        except PlacementConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attempt, range(40)))
    placed = [one.node for one in ledger.snapshot().placed]
    assert all(placed.count(node.name) <= 4 for node in nodes)
    assert len(placed) >= 4


def test_a_decision_is_taken_whole_or_not_at_all() -> None:
    ledger = Ledger(Snapshot.of(NODES))
    both = ledger.snapshot([asks("one"), asks("other")])
    decision = decide(both)
    third = ledger.snapshot([asks("third")])
    ledger.reserve(third, decide(third))
    with pytest.raises(PlacementConflictError):
        ledger.reserve(both, decision)
    assert [one.workload.name for one in ledger.snapshot().placed] == ["third"]


def test_a_node_that_vanished_between_decision_and_apply_is_a_conflict() -> None:
    ledger = Ledger(Snapshot.of(NODES, placed={"a": [asks("old")]}))
    snapshot = ledger.snapshot([asks("new", 1)])
    decision = decide(snapshot)
    assert decision.placements[0].node == "a"
    assert [workload.name for workload in ledger.lose("a")] == ["old"]
    with pytest.raises(PlacementConflictError, match="its node a vanished"):
        ledger.reserve(snapshot, decision)
    assert [node.name for node in ledger.snapshot().nodes] == ["b"]


def test_a_node_that_is_back_is_empty_and_takes_what_fits() -> None:
    ledger = Ledger(Snapshot.of(NODES[:1], placed={"a": [asks("old")]}))
    with pytest.raises(NotFoundError, match="no node 'a' was lost"):
        ledger.regain("a")
    (old,) = ledger.lose("a")
    assert ledger.snapshot().nodes == ()
    ledger.regain("a")
    snapshot = ledger.snapshot([old])
    assert ledger.reserve(snapshot, decide(snapshot)).placed == (("old", "a"),)
    with pytest.raises(NotFoundError):
        ledger.regain("a")


def test_a_released_slot_is_free_again() -> None:
    ledger = Ledger(Snapshot.of(NODES[:1]))
    one = ledger.snapshot([asks("one")])
    reservation = ledger.reserve(one, decide(one))
    assert reservation.placed == (("one", "a"),)
    ledger.release(reservation)
    other = ledger.snapshot([asks("other")])
    assert ledger.reserve(other, decide(other)).generation > reservation.generation


def test_a_decision_for_another_snapshot_is_refused() -> None:
    ledger = Ledger(Snapshot.of(NODES))
    one, other = ledger.snapshot([asks("one")]), ledger.snapshot([asks("other")])
    with pytest.raises(PlacementConflictError, match="another snapshot"):
        ledger.reserve(one, decide(other))


def test_evictions_and_moves_are_checked_against_where_workloads_are_now() -> None:
    urgent = replace(asks("urgent"), priority=9)
    ledger = Ledger(Snapshot.of(NODES[:1], placed={"a": [asks("old")]}))
    snapshot = ledger.snapshot([urgent])
    decision = decide(snapshot, Options(preemption=True))
    assert len(decision.evictions) == 1
    ledger.reserve(snapshot, decision)
    with pytest.raises(PlacementConflictError, match="is no longer on a"):
        ledger.reserve(snapshot, decision)


def test_devices_stay_with_their_workloads_from_snapshot_to_snapshot() -> None:
    ledger = Ledger(Snapshot.of([replace(NODES[0], gpus=Gpus("T4", 2))]))
    shares = [asks(f"w{n}", 0, gpu=GpuRequest(milli=m)) for n, m in enumerate((300, 800))]
    first = ledger.snapshot(shares)
    ledger.reserve(first, decide(first))
    there = {one.workload.name: one.gpus for one in ledger.snapshot().placed}
    assert there == {"w0": (0,), "w1": (1,)}
    last = ledger.snapshot([asks("w2", 0, gpu=GpuRequest(milli=200))])
    decision: Decision = decide(last)
    assert decision.placements[0].gpus == (1,)


def test_a_second_release_takes_nothing_from_who_came_after() -> None:
    ledger = Ledger(Snapshot.of(NODES[:1]))
    first = ledger.snapshot([asks("one")])
    reservation = ledger.reserve(first, decide(first))
    ledger.release(reservation)
    again = ledger.snapshot([asks("one")])
    ledger.reserve(again, decide(again))
    ledger.release(reservation)
    assert [one.workload.name for one in ledger.snapshot().placed] == ["one"]


def test_a_node_that_was_never_there_is_named() -> None:
    with pytest.raises(NotFoundError, match="'z'"):
        Ledger(Snapshot.of(NODES)).lose("z")


def test_a_ledger_begins_with_no_fleet_that_contradicts_itself() -> None:
    with pytest.raises(InvalidSnapshotError, match="is on 'z', which is not there"):
        Ledger(Snapshot.of(NODES, placed={"z": [asks("old")]}))
    with pytest.raises(InvalidSnapshotError, match="cpu_cores is nan"):
        Ledger(Snapshot.of([Node(name="a", capacity=Resources(cpu_cores=math.nan))]))


def test_a_dependency_that_left_between_decision_and_apply_is_a_conflict() -> None:
    ledger = Ledger(Snapshot.of(NODES))
    first = ledger.snapshot([asks("db", 1)])
    there = ledger.reserve(first, decide(first))
    second = ledger.snapshot([asks("web", 1, depends_on=frozenset({"db"}))])
    decision = decide(second)
    ledger.release(there)
    with pytest.raises(PlacementConflictError, match="web: it depends on db, which has no place"):
        ledger.reserve(second, decision)
    assert not ledger.snapshot().placed


def test_nobody_is_evicted_on_whom_a_newcomer_has_come_to_depend() -> None:
    ledger = Ledger(Snapshot.of(NODES[:1], placed={"a": [asks("old")]}))
    snapshot = ledger.snapshot([asks("urgent", priority=9)])
    decision = decide(snapshot, Options(preemption=True))
    late = ledger.snapshot([asks("leaf", 1, depends_on=frozenset({"old"}))])
    ledger.reserve(late, decide(late))
    with pytest.raises(PlacementConflictError, match="old: leaf depends on it"):
        ledger.reserve(snapshot, decision)
    assert [one.workload.name for one in ledger.snapshot().placed] == ["leaf", "old"]


def test_nobody_leaves_whose_company_a_newcomer_has_come_to_need() -> None:
    there = {"a": [asks("one", 1, labels=KIND)], "b": [asks("other", 1)]}
    ledger = Ledger(Snapshot.of(NODES, placed=there))
    snapshot = ledger.snapshot()
    decision = decide(snapshot, Options(move_budget=1))
    assert [move.workload for move in decision.moves] == ["one"]
    friend = asks("friend", 1, affinity=(Affinity(Match(KIND), "node"),))
    late = ledger.snapshot([friend])
    ledger.reserve(late, decide(late))
    with pytest.raises(PlacementConflictError, match="one: others on a need its company"):
        ledger.reserve(snapshot, decision)


def test_a_verifier_has_the_last_word_when_slots_are_taken_too() -> None:
    usage = Usage(
        names=("one", "other"),
        requests=np.ones(2, dtype=np.float32),
        values=np.full((2, 3), 3, dtype=np.float32),
        step_seconds=300.0,
    )

    def verifier() -> PeakVerifier:
        return PeakVerifier(PeakOfSum().fit(usage, 3), [4.0], 1.0)

    ledger = Ledger(Snapshot.of(NODES[:1]), verifiers=[verifier()])
    one, other = (ledger.snapshot([asks(name, 1)]) for name in usage.names)
    ledger.reserve(one, decide(one, verifiers=[verifier()]))
    with pytest.raises(PlacementConflictError, match="is over the node's"):
        ledger.reserve(other, decide(other, verifiers=[verifier()]))


def test_a_rule_that_fails_while_slots_are_taken_leaves_none_taken() -> None:
    known = sizes_alone(("one",), np.ones(1, dtype=np.float32))
    ledger = Ledger(Snapshot.of(NODES), verifiers=[PeakVerifier(known, [4.0, 4.0], 1.0)])
    snapshot = ledger.snapshot([asks("one"), asks("stranger")])
    with pytest.raises(InvalidArgumentError, match="does not know workload 'stranger'"):
        ledger.reserve(snapshot, decide(snapshot))
    assert not ledger.snapshot().placed


def test_a_fleet_that_lost_a_node_goes_on_with_those_who_need_what_was_on_it() -> None:
    needs = {"depends_on": frozenset({"db"}), "talks_to": (Talk("db", 0.1),)}
    placed = {"a": [asks("db")], "b": [asks("web", 1, **needs)]}
    ledger = Ledger(Snapshot.of(NODES, placed=placed))
    (db,) = ledger.lose("a")
    snapshot = ledger.snapshot([asks("other", 1), asks("more", 1, **needs)])
    assert snapshot.gone == ("db",)
    decision = decide(snapshot)
    assert [one.workload for one in decision.placements] == ["other"]
    (refused,) = decision.refusals
    assert (refused.workload, "db, which has no place" in refused.words) == ("more", True)
    ledger.reserve(snapshot, decision)
    ledger.drop("web")
    snapshot = ledger.snapshot([db])
    assert snapshot.gone == ()
    ledger.reserve(snapshot, decide(snapshot))
    assert {one.workload.name: one.node for one in ledger.snapshot().placed} == {
        "db": "b",
        "other": "b",
    }


def test_what_is_dropped_leaves_its_slot_and_what_is_not_there_is_named() -> None:
    ledger = Ledger(Snapshot.of(NODES[:1]))
    one = ledger.snapshot([asks("one")])
    reservation = ledger.reserve(one, decide(one))
    assert ledger.drop("one").name == "one"
    other = ledger.snapshot([asks("one")])
    ledger.reserve(other, decide(other))
    ledger.release(reservation)
    assert [one.workload.name for one in ledger.snapshot().placed] == ["one"]
    with pytest.raises(NotFoundError, match="'two'"):
        ledger.drop("two")


def test_what_nobody_ever_knew_is_still_a_mistake_and_what_is_gone_changes_the_snapshot() -> None:
    ledger = Ledger(Snapshot.of(NODES))
    with pytest.raises(InvalidSnapshotError, match="depends on 'ghost', which is not there"):
        decide(ledger.snapshot([asks("web", 1, depends_on=frozenset({"ghost"}))]))
    plain = Snapshot.of(NODES)
    assert replace(plain, gone=("db",)).content_hash != plain.content_hash
