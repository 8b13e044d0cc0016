"""Shares of GPUs are put together as the sizes that usually come allow."""

from __future__ import annotations

import numpy as np
import pytest

from omnicloud.placement.engine.decide import decide
from omnicloud.placement.engine.fleet import Fleet
from omnicloud.placement.engine.placer import Placer
from omnicloud.placement.model.node import Gpus, Node
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import GpuRequest, Workload
from omnicloud.placement.rules.catalogue import Catalogue
from omnicloud.placement.rules.objectives.gpu_packing import worth


def share(name: str, milli: int) -> Workload:
    request = Resources(cpu_cores=1)
    return Workload(name=name, request=request, gpu=GpuRequest(milli=milli))


def one_gpu(name: str) -> Node:
    return Node(name=name, capacity=Resources(cpu_cores=9), gpus=Gpus("T4", 1))


def test_sizes_are_worth_what_they_keep_of_a_device_and_never_more_than_that() -> None:
    sizes, demand = np.array([19, 33, 47, 81]), np.array([1.0, 30.0, 40.0, 40.0])
    values = worth(sizes, demand)
    assert values[100] == pytest.approx(1)
    assert (np.diff(values) >= 0).all()
    assert values[47] == pytest.approx(1 / 2, abs=0.04)  # two fit
    assert values[33] == pytest.approx(1 / 3, abs=0.04)  # three fit
    assert values[81] == pytest.approx(1, abs=0.06)  # there is hardly anything to go beside it
    assert values[19] < 0.1


def test_a_rest_that_many_can_use_is_worth_more_than_one_that_few_can() -> None:
    often = worth(np.array([19, 81]), np.array([50.0, 50.0]))
    seldom = worth(np.array([19, 81]), np.array([1.0, 50.0]))
    assert often[19] > seldom[19] + 0.1


def test_a_share_goes_where_it_leaves_no_useless_rest() -> None:
    """470 beside 470 leaves 60; beside 350 it would leave 180 that nobody asks."""
    nodes = [
        Node(name=f"n{n}", capacity=Resources(cpu_cores=9), gpus=Gpus("T4", 1)) for n in (1, 2)
    ]
    placed = {"n1": [share("a", 350)], "n2": [share("b", 470)]}
    usual = [share(f"u{n}", (350, 470, 650, 650)[n % 4]) for n in range(40)]
    fleet = Fleet.of(Snapshot.of(nodes, usual, placed=placed))
    options = Options(aims=(Aim("gpu_packing"),))
    placer = Placer(fleet, options, Catalogue.of())
    placer.announce(usual)
    assert placer.find(share("new", 470)) == 1
    assert placer.find(share("new", 650)) == 0


def test_nothing_but_whole_devices_asked_makes_all_nodes_alike() -> None:
    nodes = [
        Node(name=f"n{n}", capacity=Resources(cpu_cores=9), gpus=Gpus("T4", 1)) for n in (1, 2)
    ]
    whole = Workload(name="w", request=Resources(cpu_cores=1), gpu=GpuRequest())
    decision = decide(Snapshot.of(nodes, [whole]), Options(aims=(Aim("gpu_packing"),)))
    assert (decision.placements[0].node, decision.placements[0].score) == ("n1", 1.0)
