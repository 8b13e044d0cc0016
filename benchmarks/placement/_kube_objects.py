"""Nodes and workloads as Kubernetes 1.20 writes them, and workloads cut down to what it has."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from omnicloud.placement.model.labels import Operator, Requirement, Toleration
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.workload import GpuRequest, Workload

PODS_OF_NODE = 110  # what a kubelet takes by default
GPU = "nvidia.com/gpu"
_KEYS = {
    "node": "kubernetes.io/hostname",
    "zone": "topology.kubernetes.io/zone",
    "region": "topology.kubernetes.io/region",
}
_OPERATORS = {
    Operator.IN: "In",
    Operator.NOT_IN: "NotIn",
    Operator.EXISTS: "Exists",
    Operator.ABSENT: "DoesNotExist",
}


def bounded(node: Node) -> Node:
    """The node with a kubelet's bound on pods."""
    return replace(node, max_workloads=PODS_OF_NODE)


def expressible(workload: Workload) -> Workload:
    """What Kubernetes 1.20 can be asked: whole GPUs, and no other where anti-affinity bore some."""
    alone = tuple(replace(apart, at_most=0) for apart in workload.anti_affinity)
    gpu = workload.gpu and GpuRequest(count=workload.gpu.count)
    return replace(workload, anti_affinity=alone, gpu=gpu)


def node_object(node: Node) -> dict[str, Any]:
    amounts = _amounts(node.capacity, math.floor) | {"pods": str(node.max_workloads)}
    if node.gpus is not None:
        amounts[GPU] = str(node.gpus.count)
    places = {_KEYS[kind]: node.place(kind).replace("/", "-") for kind in _KEYS}
    taints = [{"key": t.key, "value": t.value, "effect": "NoSchedule"} for t in node.taints]
    return {
        "metadata": {"name": node.name, "labels": dict(node.labels) | places},
        "spec": {"taints": taints},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def pod_object(workload: Workload) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "containers": [_container(workload)],
        "terminationGracePeriodSeconds": 0,
        "tolerations": [_tolerated(one) for one in workload.tolerations],
        "topologySpreadConstraints": [
            {
                "maxSkew": one.max_skew,
                "topologyKey": _KEYS[one.topology],
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": dict(one.match.wanted)},
            }
            for one in workload.spread
        ],
    }
    affinity = _affinity(workload)
    if affinity:
        spec["affinity"] = affinity
    return {
        "metadata": {"name": workload.name, "labels": dict(workload.labels)},
        "spec": spec,
    }


def _container(workload: Workload) -> dict[str, Any]:
    amounts = _amounts(workload.request, math.ceil)
    limits = {GPU: str(workload.gpu.count)} if workload.gpu else {}
    return {
        "name": "it",
        "image": "none",
        "resources": {"requests": amounts | limits, "limits": limits},
        "ports": [{"containerPort": p, "hostPort": p} for p in sorted(workload.ports)],
    }


def _amounts(resources: Resources, whole: Any) -> dict[str, str]:
    """In thousandths of cores and in bytes, rounded as this library rounds."""
    return {
        "cpu": f"{whole(round(resources.cpu_cores / 0.001, 6))}m",
        "memory": str(whole(round(resources.memory_bytes, 6))),
    }


def _tolerated(one: Toleration) -> dict[str, str]:
    if one.value is None:
        return {"key": one.key, "operator": "Exists", "effect": "NoSchedule"}
    return {"key": one.key, "operator": "Equal", "value": one.value, "effect": "NoSchedule"}


def _affinity(workload: Workload) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if workload.requirements:
        terms = [{"matchExpressions": [_expression(one) for one in workload.requirements]}]
        found["nodeAffinity"] = {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}
        }
    if workload.anti_affinity:
        found["podAntiAffinity"] = {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "labelSelector": {"matchLabels": dict(one.match.wanted)},
                    "topologyKey": _KEYS[one.topology],
                }
                for one in workload.anti_affinity
            ]
        }
    return found


def _expression(one: Requirement) -> dict[str, Any]:
    written: dict[str, Any] = {"key": one.key, "operator": _OPERATORS[one.operator]}
    return written | ({"values": sorted(one.values)} if one.values else {})
