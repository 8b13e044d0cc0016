"""What can be wrong with one workload by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral

from omnicloud.placement.model.checks.amounts import check_amount, check_count, check_resources
from omnicloud.placement.model.checks.nodes import MOST_GPUS
from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.labels import Match, Operator
from omnicloud.placement.model.workload import GpuRequest, Workload

__all__ = ["check_workload"]


def check_workload(workload: Workload) -> Iterator[Problem]:
    """Amounts, GPUs, ports, bounds, and rules that contradict each other."""
    where = f"workload {workload.name!r}"
    yield from check_resources(where, "its request", workload.request)
    if type(workload.priority) is not int and not isinstance(workload.priority, Integral):
        yield Problem(where, f"its priority is {workload.priority}", "give a whole number")
    if workload.forecast is not None:
        yield from check_resources(where, "its forecast", workload.forecast)
    if workload.lifetime_seconds is not None:
        yield from check_amount(where, "its lifetime in seconds", workload.lifetime_seconds)
    if workload.gpu is not None:
        yield from _gpu(where, workload.gpu)
    for port in sorted(workload.ports):
        if not 0 < port < 65536:
            yield Problem(where, f"asks for port {port}", "ports are 1 to 65535")
    yield from _bounds(where, workload)
    yield from _requirements(where, workload)
    yield from _company(where, workload)


def _gpu(where: str, gpu: GpuRequest) -> Iterator[Problem]:
    if not (1 <= gpu.count <= MOST_GPUS and 0 < gpu.milli <= 1000):
        asked = f"{gpu.count} GPUs with {gpu.milli} thousandths each"
        yield Problem(where, f"asks for {asked}", f"ask for 1 to {MOST_GPUS}, each 1 to 1000")
    elif gpu.count > 1 and gpu.milli < 1000:
        yield Problem(where, f"asks for shares of {gpu.count} GPUs", "a share is of one GPU")


def _bounds(where: str, workload: Workload) -> Iterator[Problem]:
    for apart in workload.anti_affinity:
        yield from check_count(where, "the most others that it bears", apart.at_most)
    for near in workload.affinity:
        yield from check_count(where, "the least others that it needs", near.at_least, least=1)
    for spread in workload.spread:
        yield from check_count(where, "its max_skew", spread.max_skew, least=1)
    for talk in workload.talks_to:
        if math.isnan(talk.at_most_seconds) or talk.at_most_seconds < 0:
            asked = f"may be {talk.at_most_seconds} seconds from {talk.to!r}"
            yield Problem(where, asked, "give seconds, 0 or more")


def _requirements(where: str, workload: Workload) -> Iterator[Problem]:
    """Requirements of one key that no label keeps together."""
    for key in sorted({one.key for one in workload.requirements}):
        asked = [one for one in workload.requirements if one.key == key]
        mentioned = {value for one in asked for value in one.values}
        possible: list[dict[str, str]] = [{}, *({key: value} for value in sorted(mentioned))]
        possible.append({key: "\0"})  # any value that nobody mentions
        if not any(all(one.holds(labels) for one in asked) for labels in possible):
            words = f"its requirements of the label {key!r} contradict each other"
            yield Problem(where, words, "no node can keep them; drop one")
    for one in workload.requirements:
        if one.operator == Operator.IN and not one.values:
            words = f"requires {one.key!r} to be one of no values"
            yield Problem(where, words, "name a value, or require that it exists")


def _company(where: str, workload: Workload) -> Iterator[Problem]:
    """Company that is needed and shunned in the same place; the first of a kind needs none."""
    for near in workload.affinity:
        own_kind = near.match.selects(workload.labels)
        for apart in workload.anti_affinity:
            counted = near.topology == apart.topology and _within(near.match, apart.match)
            if counted and not own_kind and near.at_least > apart.at_most:
                kind = f"[{near.match}] in its {near.topology}"
                words = f"needs {near.at_least} of {kind} and bears {apart.at_most}"
                yield Problem(where, words, "drop one of both")


def _within(inner: Match, outer: Match) -> bool:
    """Whether everything that the inner one selects is selected by the outer one."""
    return set(outer.wanted) <= set(inner.wanted)
