"""Nodes keep room for the workloads that usually use GPUs: processors for the devices left."""

from __future__ import annotations

import numpy as np
import pytest

from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.node import Gpus, Node
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import GpuRequest, Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.objectives.gpu_room import GpuRoom
from omnicloud.placement.rules.protocol import ALL


def workload(name: str, cores: float, milli: int = 1000, count: int = 1) -> Workload:
    return Workload(
        name=name, request=Resources(cpu_cores=cores), gpu=GpuRequest(count=count, milli=milli)
    )


def node(name: str, cores: float, gpus: int) -> Node:
    return Node(name=name, capacity=Resources(cpu_cores=cores), gpus=Gpus("T4", gpus))


def scores(nodes: list[Node], usual: list[Workload], new: Workload) -> list[float]:
    fleet = Fleet.of(Snapshot.of(nodes, [*usual, new]))
    aim = GpuRoom()
    for one in usual:
        aim.announce(fleet, one)
    score = aim.score(fleet, new)
    assert score is not None
    found = score.raw(ALL)
    assert [score.one(row) for row in range(len(nodes))] == found.tolist()
    return [float(value) for value in found]


def test_room_is_what_processors_and_devices_together_allow() -> None:
    """Eight cores for two devices: who takes six of them takes one device and half of the other."""
    nodes = [node("narrow", 8, 2), node("wide", 80, 2)]
    usual = [workload("u", 4)]
    assert scores(nodes, usual, workload("new", 6)) == [-2000.0, -1000.0]
    assert scores(nodes, usual, workload("new", 4)) == [-1000.0, -1000.0]


def test_shares_count_as_many_as_a_device_holds_and_several_devices_as_one() -> None:
    nodes = [node("n", 80, 4)]
    assert scores(nodes, [workload("u", 1, 400)], workload("new", 1, 300)) == [-400.0]
    assert scores(nodes, [workload("u", 1, count=4)], workload("new", 1, 300)) == [-4000.0]
    both = [workload("u", 1, 400), workload("v", 1, count=4)]
    assert scores(nodes, both, workload("new", 1, 300)) == [-2200.0]


def test_a_workload_that_eats_processors_goes_where_they_are_not_needed() -> None:
    nodes = [node("a-narrow", 24, 2), node("b-wide", 104, 2)]
    usual = [workload(f"u{n}", 11) for n in range(9)]
    fleet = Fleet.of(Snapshot.of(nodes, usual))
    placer = Placer(fleet, Options(aims=(Aim("gpu_room"),)), Catalogue.of())
    placer.announce(usual)
    assert fleet.nodes[placer.find(workload("new", 20))].name == "b-wide"


def test_an_overfull_node_has_no_room_and_nobody_has_where_nothing_is_usual() -> None:
    nodes = [node("n", 4, 2)]
    placed = {"n": [workload("old", 9)]}
    fleet = Fleet.of(Snapshot.of(nodes, [workload("new", 1)], placed=placed))
    aim = GpuRoom()
    assert aim.score(fleet, workload("new", 1)) is None
    fleet = Fleet.of(Snapshot.of(nodes, [workload("new", 1)], placed=placed))
    aim.announce(fleet, workload("u", 1))
    score = aim.score(fleet, workload("new", 1))
    assert score is not None
    assert np.array_equal(score.raw(ALL), [0.0])
    assert score.bounds == (pytest.approx(-2000.0), 0.0)
