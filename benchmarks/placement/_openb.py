"""The openb cluster (Alibaba, 2023): its nodes, and pods drawn from its trace."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import random
from dataclasses import dataclass, replace
from pathlib import Path

from _forms import in_form
from _packing import Node as Shape

from omnicloud.placement.model.node import Gpus, Node
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.workload import GpuRequest, Workload

MIB = 2**20
NODES = "openb_node_list_all_node.csv.gz"
ORIGIN = "github alibaba/clusterdata, cluster-trace-gpu-v2023/csv, gzipped"
PODS = "openb_pod_list_default.csv.gz"
SHA256 = {
    NODES: "03e9de63d351d3ad4ce232efc18432d36b5008b3d2d5ccc2c1680600e5ab427a",
    PODS: "dc395ddbd156933a57da9caee1d79ddd745146deb1255bcb1f4aac54bc3047f3",
}


@dataclass(frozen=True)
class Trace:
    nodes: list[Node]
    pods: list[Workload]
    hashes: dict[str, str]


def load(data: Path, pods: str, which: str = "all") -> Trace:
    """The trace; all nodes or those with GPUs, on which its authors measured."""
    hashes: dict[str, str] = {}
    with in_form(data / "openb_gpu_v2023" / NODES, "nodes of the openb cluster"):
        nodes = [_node(row) for row in _rows(data, NODES, hashes)]
    nodes = [node for node in nodes if which == "all" or node.gpus]
    asked = f"openb_pod_list_{pods}.csv.gz"
    with in_form(data / "openb_gpu_v2023" / asked, "pods of the openb cluster"):
        found = [_pod(row) for row in _rows(data, asked, hashes)]
    if not nodes or not any(milli(pod) for pod in found):
        raise SystemExit("there are no nodes, or no pod asks for a GPU: there is nothing to fill")
    return Trace(nodes, found, hashes)


def shaped(trace: Trace, machine: Shape) -> Trace:
    """The same cluster with so many cores and GiB in each node; its GPUs are what they were."""
    capacity = Resources(cpu_cores=machine.cores, memory_bytes=machine.gib * 1024 * MIB)
    return replace(trace, nodes=[replace(node, capacity=capacity) for node in trace.nodes])


def made_up(seed: int, count: int = 40) -> Trace:
    """A small cluster of the same kind, drawn from the seed."""
    dice = random.Random(seed)
    kinds = (
        ("96000", "393216", "8", "G2"),
        ("104000", "524288", "2", "T4"),
        ("32000", "262144", "0", ""),
    )
    names = ("cpu_milli", "memory_mib", "gpu", "model")
    nodes = [
        _node({"sn": f"node-{n:03}"} | dict(zip(names, dice.choice(kinds), strict=True)))
        for n in range(count)
    ]
    asked = (
        (11000, 1, 1000),
        (6000, 1, 460),
        (4000, 0, 0),
        (24000, 4, 1000),
        (8000, 1, 700),
        (64000, 8, 1000),
    )
    pods = [
        Workload(
            name="",
            request=Resources(cpu_cores=cpu / 1000, memory_bytes=cpu * 2 * MIB),
            gpu=GpuRequest(gpus, milli) if gpus else None,
        )
        for cpu, gpus, milli in dice.choices(asked, k=200)
    ]
    return Trace(nodes, pods, {})


def arrivals(trace: Trace, seed: int, share: float) -> list[Workload]:
    """Pods drawn with replacement until they ask for that share of all GPUs."""
    dice = random.Random(seed)
    wanted = share * 1000 * sum(node.gpus.count for node in trace.nodes if node.gpus)
    found: list[Workload] = []
    asked = 0
    while asked < wanted:
        pod = dice.choice(trace.pods)
        asked += milli(pod)
        found.append(replace(pod, name=f"pod-{len(found):05}"))
    return found


def milli(pod: Workload) -> int:
    return pod.gpu.count * pod.gpu.milli if pod.gpu else 0


def _rows(data: Path, name: str, hashes: dict[str, str]) -> list[dict[str, str]]:
    path = data / "openb_gpu_v2023" / name
    if not path.exists():
        wanted = SHA256.get(name, "see its own page")
        raise SystemExit(f"{path} is missing; from {ORIGIN}; SHA-256 {wanted}; or --smoke")
    packed = path.read_bytes()
    hashes[name] = hashlib.sha256(packed).hexdigest()
    return list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))


def _node(row: dict[str, str]) -> Node:
    count = int(row["gpu"])
    return Node(
        name=row["sn"],
        capacity=Resources(
            cpu_cores=int(row["cpu_milli"]) / 1000, memory_bytes=int(row["memory_mib"]) * MIB
        ),
        gpus=Gpus(row["model"], count) if count else None,
    )


def _pod(row: dict[str, str]) -> Workload:
    count = int(row["num_gpu"])
    models = frozenset(filter(None, row.get("gpu_spec", "").split("|")))
    return Workload(
        name="",
        request=Resources(
            cpu_cores=int(row["cpu_milli"]) / 1000, memory_bytes=int(row["memory_mib"]) * MIB
        ),
        gpu=GpuRequest(count, int(row["gpu_milli"]), models) if count else None,
    )
