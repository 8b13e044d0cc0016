"""Has kube-scheduler place pods on a cluster: all at once, or one by one while nodes are opened."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from _kube_objects import node_object, pod_object
from _kube_plane import NAMESPACE, Plane, Profile, sent

from omnicloud.placement.model.labels import Operator, Requirement
from omnicloud.placement.model.node import Node
from omnicloud.placement.model.workload import Workload

_PODS = f"namespaces/{NAMESPACE}/pods"
_POLL_SECONDS = 0.25
_AT_ONCE = 16
_FOR_A_DAY = {"watch": "1", "timeoutSeconds": "86400"}
_CPU = "process_cpu_seconds_total"
_DECISION = "scheduler_scheduling_algorithm_duration_seconds"


@dataclass(frozen=True)
class Played:
    """What the scheduler did.

    Attributes:
        order: The pods as they were created, which is how they came to its queue.
        where: The node of each that has one.
        seconds: From the first creation to the last pod bound.
        cpu_seconds: Of its process since then, binding included.
        metrics: Its own, at the end.
    """

    order: tuple[Workload, ...]
    where: dict[str, str]
    seconds: float
    cpu_seconds: float
    metrics: str

    def value(self, name: str, **labels: str) -> float:
        return value(self.metrics, name, **labels)

    def slowest(self, share: float) -> float:
        """The bound of its histogram within which that share of decisions stayed, in seconds."""
        wanted = share * self.value(f"{_DECISION}_count")
        bounds = re.findall(rf'^{_DECISION}_bucket{{le="([^"]*)"}} (\S+)$', self.metrics, re.M)
        return next(float(bound) for bound, count in bounds if float(count) >= wanted)

    def deciding(self) -> float:
        """Seconds that it took to decide for those that it placed, without binding."""
        return self.value(f"{_DECISION}_sum")


def value(metrics: str, name: str, **labels: str) -> float:
    """The sum of a metric over all its lines that have these labels."""
    wanted = {f'{key}="{found}"' for key, found in labels.items()}
    lines = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", metrics, re.M)
    return sum(float(number) for said, number in lines if wanted <= set(said.split(",")))


async def at_once(
    plane: Plane, profile: Profile, nodes: Sequence[Node], pods: Sequence[Workload]
) -> Played:
    """Create the nodes, start the scheduler, create the pods, and wait until it has done all."""
    await _created(plane.api, "nodes", [node_object(node) for node in nodes])
    async with plane.scheduler(profile) as metrics:
        before = value(await _told(metrics), _CPU)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(_ended(metrics, len(pods)))
            versions = await _created(plane.api, _PODS, [pod_object(pod) for pod in pods])
        last, told = ended.result()
    order = sorted(pods, key=lambda pod: versions[pod.name])
    cpu = value(told, _CPU) - before
    return Played(tuple(order), await _bound(plane.api), last - began, cpu, told)


async def _created(
    api: aiohttp.ClientSession, path: str, what: Iterable[dict[str, Any]]
) -> dict[str, int]:
    """Create all, some at a time; each one's place in the order of all changes."""
    versions: dict[str, int] = {}
    left = iter(what)

    async def some() -> None:
        for one in left:
            made = (await sent(api, path, one))["metadata"]
            versions[made["name"]] = int(made["resourceVersion"])

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(some())
    return versions


async def _ended(url: str, pods: int) -> tuple[float, str]:
    """Wait until every pod was bound or found no node twice over; when the last was bound."""
    within = time.perf_counter() + 300 + 0.2 * pods
    last, bound, calm = time.perf_counter(), 0.0, 0
    while calm < 2:
        await asyncio.sleep(_POLL_SECONDS)
        told = await _told(url)
        now = value(told, "scheduler_schedule_attempts_total", result="scheduled")
        if now > bound:
            last, bound = time.perf_counter(), now
        aside = value(told, "scheduler_pending_pods", queue="unschedulable")
        calm = calm + 1 if now + aside == pods else 0
        if time.perf_counter() > within:
            raise TimeoutError(f"{now:.0f} of {pods} pods are bound, {aside:.0f} set aside")
    return last, told


async def _told(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def _bound(api: aiohttp.ClientSession) -> dict[str, str]:
    found: dict[str, str] = {}
    page = ""
    while True:
        query = {"limit": "500", "continue": page}
        async with api.get(f"/api/v1/{_PODS}", params=query) as answer:
            told = await answer.json()
        for pod in told["items"]:
            if pod["spec"].get("nodeName"):
                found[pod["metadata"]["name"]] = pod["spec"]["nodeName"]
        page = told["metadata"].get("continue", "")
        if not page:
            return found


class Watched:
    """What the scheduler said of each pod as it comes."""

    def __init__(self) -> None:
        self._said: dict[str, asyncio.Future[str]] = {}

    async def outcome(self, pod: str) -> str:
        """The node where it was bound, or nothing where none would do."""
        async with asyncio.timeout(120):
            return await self._of(pod)

    def note(self, pod: dict[str, Any]) -> None:
        """Take one change of a pod."""
        node = pod["spec"].get("nodeName", "")
        reasons = [one.get("reason") for one in pod["status"].get("conditions", [])]
        said = self._of(pod["metadata"]["name"])
        if (node or "Unschedulable" in reasons) and not said.done():
            said.set_result(node)

    def _of(self, pod: str) -> asyncio.Future[str]:
        return self._said.setdefault(pod, asyncio.get_running_loop().create_future())


@asynccontextmanager
async def watching(api: aiohttp.ClientSession) -> AsyncIterator[Watched]:
    """Read what happens to pods until the block ends."""
    watched = Watched()
    ready = asyncio.Event()

    async def read() -> None:
        async with api.get(f"/api/v1/{_PODS}", params=_FOR_A_DAY) as answer:
            ready.set()
            async for line in answer.content:
                watched.note(json.loads(line)["object"])

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read())
        await ready.wait()
        yield watched
        reading.cancel()


@dataclass(frozen=True)
class Grown:
    """Nodes in the order in which they were opened; each pod, its node, and how many there were."""

    nodes: list[Node]
    choices: list[tuple[Workload, str, int]]


async def one_by_one(
    api: aiohttp.ClientSession, watched: Watched, pods: Iterable[Workload], shape: Node, name: str
) -> Grown:
    """Create each pod when the last has its node; open a node where the scheduler found none.

    The scheduler must run. Nodes and pods bear the name, so that others on the cluster count not.
    """
    grown = Grown([], [])
    ours = Requirement("run", Operator.IN, frozenset({name}))
    for pod in pods:
        fit = replace(pod, requirements=(*pod.requirements, ours))
        node = ""
        tries = 0
        while not node:
            tries += 1
            called = f"{name}-{pod.name}-{tries}"
            await sent(api, _PODS, pod_object(replace(fit, name=called)))
            node = await watched.outcome(called)
            if not node:
                await _gone(api, called)
                await _opened(api, grown, shape, name)
        grown.choices.append((pod, node, len(grown.nodes)))
    return grown


async def _opened(api: aiohttp.ClientSession, grown: Grown, shape: Node, name: str) -> None:
    """One more node, unless the last is still empty: then the scheduler had not seen it."""
    used = {node for _, node, _ in grown.choices}
    if grown.nodes and grown.nodes[-1].name not in used:
        return
    node = replace(shape, name=f"{name}-{len(grown.nodes):04}", labels=(("run", name),))
    await sent(api, "nodes", node_object(node))
    grown.nodes.append(node)


async def _gone(api: aiohttp.ClientSession, pod: str) -> None:
    async with api.delete(f"/api/v1/{_PODS}/{pod}", params={"gracePeriodSeconds": "0"}) as answer:
        await answer.read()


async def emptied(api: aiohttp.ClientSession) -> None:
    """Take all pods and nodes away."""
    for path in (_PODS, "nodes"):
        async with api.delete(f"/api/v1/{path}", params={"gracePeriodSeconds": "0"}) as answer:
            await answer.read()
