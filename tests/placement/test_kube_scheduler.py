"""The baseline that stands for kube-scheduler: its formulas, and the real one's choices.

The second part needs kube-apiserver and kube-scheduler, which no package has:
``benchmarks/placement/build_kubernetes.sh`` builds them, ``OMNICLOUD_KUBERNETES`` names the folder.
"""

from __future__ import annotations

import importlib
import random
import sys
from pathlib import Path

import pytest

from omnicloud.placement.model.decision import Placement
from omnicloud.placement.model.labels import (
    Match,
    Operator,
    Requirement,
    Taint,
    Toleration,
    labels,
)
from omnicloud.placement.model.node import Gpus, Node
from omnicloud.placement.model.options import Aim
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.workload import AntiAffinity, GpuRequest, Spread, Workload

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks" / "placement")
if BENCHMARKS not in sys.path:
    sys.path.append(BENCHMARKS)  # last, so that no script there hides a package of its name
checks, objects, play, plane = (
    importlib.import_module(f"_kube_{name}") for name in ("checks", "objects", "play", "plane")
)
GIB = 2**30


def node(name: str, cores: float, gib: float, **more: object) -> Node:
    capacity = Resources(cpu_cores=cores, memory_bytes=gib * GIB)
    return Node(name=name, capacity=capacity, max_workloads=110, **more)


def pod(name: str, cores: float, gib: float, **more: object) -> Workload:
    return Workload(name=name, request=Resources(cpu_cores=cores, memory_bytes=gib * GIB), **more)


def scores(aim: str, nodes: list[Node], wanted: Workload) -> list[float]:
    found = checks.placer_of(nodes, [wanted], Aim(aim))
    objective = next(one for one in checks.OBJECTIVES if one.name == aim)
    return list(objective.score(found.fleet, wanted).raw(slice(None)))


def test_scores_are_the_whole_numbers_that_its_formulas_give() -> None:
    nodes = [node("a", 4, 8), node("b", 8, 8), node("c", 1, 8), node("d", 3, 7)]
    one = pod("one", 1, 2)
    # least: (75 + 75) / 2, (87 + 75) / 2, (0 + 75) / 2, (66 + 71) / 2, all rounded down
    # balanced: 100, 100 - 12.5, nothing on a node that is full, 100 - |33.3 - 28.6|
    assert scores("kube_default", nodes, one) == [75 + 100, 81 + 87, 37 + 0, 68 + 95]
    # (25 + 25) / 2, (12 + 25) / 2, (100 + 25) / 2, (33 + 28) / 2
    assert scores("kube_most", nodes, one) == [25, 18, 62, 30]


def test_what_kubernetes_is_asked_says_every_constraint() -> None:
    match = Match(labels({"app": "web"}))
    asked = pod(
        "web-1",
        0.5,
        1,
        labels=match.wanted,
        gpu=GpuRequest(count=2),
        ports=frozenset({8080}),
        tolerations=frozenset({Toleration("spot")}),
        requirements=(Requirement("disk", Operator.IN, frozenset({"ssd"})),),
        anti_affinity=(AntiAffinity(match, "node"),),
        spread=(Spread(match, "zone", 3),),
    )
    spec = objects.pod_object(asked)["spec"]
    container, kept = spec["containers"][0], "requiredDuringSchedulingIgnoredDuringExecution"
    assert container["resources"]["requests"] == {
        "cpu": "500m",
        "memory": str(GIB),
        "nvidia.com/gpu": "2",
    }
    assert container["ports"] == [{"containerPort": 8080, "hostPort": 8080}]
    assert spec["tolerations"] == [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}]
    assert spec["affinity"]["nodeAffinity"][kept]["nodeSelectorTerms"][0]["matchExpressions"] == [
        {"key": "disk", "operator": "In", "values": ["ssd"]}
    ]
    apart = spec["affinity"]["podAntiAffinity"][kept][0]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert apart["labelSelector"] == {"matchLabels": {"app": "web"}}
    even = spec["topologySpreadConstraints"][0]
    assert (even["maxSkew"], even["whenUnsatisfiable"]) == (3, "DoNotSchedule")


def test_the_checks_find_every_kind_of_broken_rule() -> None:
    match = Match(labels({"app": "web"}))
    here = node("a", 4, 4, region="r", zone="1", taints=frozenset({Taint("spot")}))
    other = node("b", 4, 4, region="r", zone="2", gpus=Gpus("T4", 1))
    web = {"labels": match.wanted, "anti_affinity": (AntiAffinity(match),)}
    even = {"labels": match.wanted, "spread": (Spread(match, "zone", 1),)}
    gpu, ssd = GpuRequest(), (Requirement("disk", Operator.IN, frozenset({"ssd"})),)
    bad = {
        "cpu_cores of b": [pod("x", 3, 1), pod("y", 2, 1)],
        "memory_bytes of b": [pod("x", 1, 3), pod("y", 1, 2)],
        "GPUs of b": [pod("x", 1, 1, gpu=gpu), pod("y", 1, 1, gpu=gpu)],
        "a port of b": [pod(n, 1, 1, ports=frozenset({80})) for n in "xy"],
        "labels of b": [pod("x", 1, 1, requirements=ssd)],
        "anti-affinity of x": [pod(n, 1, 1, **web) for n in "xy"],
        "spread of x": [pod(n, 1, 1, **even) for n in "xy"],
    }
    for words, pods in bad.items():
        assert words in checks.broken([here, other], pods, {one.name: "b" for one in pods})
    alone = [pod("x", 1, 1)]
    assert checks.broken([here, other], alone, {"x": "a"}) == ["a taint of a"]
    assert checks.broken([here, other], alone, {"x": "b"}) == []


absent = plane.missing(asked_for=True)
needs_kubernetes = pytest.mark.skipif(
    bool(absent), reason=f"NOT TESTED against the real kube-scheduler: {absent}"
)


def uneven(seed: int) -> tuple[list[Node], list[Workload]]:
    """Nodes and pods of odd sizes, so that scores differ; all pods find a place."""
    dice = random.Random(seed)
    nodes = [
        node(f"n{number:02}", dice.randint(20, 90) / 2, dice.randint(30, 200))
        for number in range(12)
    ]
    sizes = [(dice.randint(1, 40) / 10, dice.randint(1, 80) / 10) for _ in range(90)]
    return nodes, [pod(f"p{number:03}", *size) for number, size in enumerate(sizes)]


@needs_kubernetes
@pytest.mark.parametrize(("most", "aim"), [(False, "kube_default"), (True, "kube_most")])
async def test_the_real_scheduler_chooses_what_the_baseline_scores_highest(
    most: bool, aim: str
) -> None:
    nodes, pods = uneven(3)
    async with plane.plane() as there:
        played = await play.at_once(there, plane.Profile(most=most), nodes, pods)
    assert len(played.where) == len(pods)
    assert played.value("scheduler_schedule_attempts_total", result="scheduled") == len(pods)
    looked, other = (
        checks.Agreement(nodes, pods, one) for one in (aim, "kube_default" if most else "kube_most")
    )
    odd = [one.name for one in played.order if not looked.look(one, played.where[one.name])]
    assert odd == []
    assert looked.alone > len(pods) // 2  # mostly there was one such node, and it took that
    assert sum(other.look(one, played.where[one.name]) for one in played.order) < len(pods) // 2


@needs_kubernetes
async def test_the_real_scheduler_keeps_and_refuses_what_the_engine_does() -> None:
    match = Match(labels({"app": "web"}))
    nodes = [node(f"n{n}", 4 + n, 16, region="r", zone=f"z{n % 2}") for n in range(4)]
    web = [pod(f"web-{n}", 1, 1, labels=match.wanted, anti_affinity=(AntiAffinity(match),))
           for n in range(6)]  # fmt: skip
    async with plane.plane() as there:
        played = await play.at_once(there, plane.Profile(), nodes, web)
    placer = checks.placer_of(nodes, played.order, Aim("kube_default"))
    ours = [placer.place(one) for one in played.order]
    placed = {one.workload: one.node for one in ours if isinstance(one, Placement)}
    assert len(placed) == 4
    assert placed == played.where
    assert checks.broken(nodes, web, played.where) == []
    assert checks.came_to(nodes, web, played.where)["pending_with_room"] == 0


@needs_kubernetes
async def test_pods_come_one_by_one_and_nodes_are_opened_where_none_would_do() -> None:
    _, pods = uneven(4)
    shape = node("", 8, 16)
    async with (
        plane.plane() as there,
        there.scheduler(plane.Profile()),
        play.watching(there.api) as watched,
    ):
        grown = await play.one_by_one(there.api, watched, pods[:20], shape, "run")
    looked = checks.Agreement(grown.nodes, pods, "kube_default")
    before = 0
    for one, where, opened in grown.choices:
        assert opened == before or looked.full(one, before)
        assert looked.look(one, where, opened)
        before = opened
    assert before == len(grown.nodes) > 1
