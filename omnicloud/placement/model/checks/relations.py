"""What can be wrong between workloads: names, dependencies, and where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter

from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.snapshot import Snapshot
from omnicloud.placement.model.workload import Workload

__all__ = ["check_relations"]


def check_relations(snapshot: Snapshot) -> Iterator[Problem]:
    """Duplicates, unknown names, cycles and impossible pasts."""
    counts = Counter(workload.name for workload in snapshot.workloads())
    for name, count in sorted(counts.items()):
        if count > 1:
            yield Problem(f"workload {name!r}", f"is there {count} times", "names are unique")
        if not name:
            yield Problem("a workload", "has no name", "give every workload a name")
    known = {workload.name: workload for workload in snapshot.workloads()}
    named = known.keys() | set(snapshot.gone)
    for workload in known.values():
        yield from _peers(workload, named)
    yield from _cycle(known)
    yield from _placed(snapshot)


def _peers(workload: Workload, known: AbstractSet[str]) -> Iterator[Problem]:
    where = f"workload {workload.name!r}"
    for other in sorted(workload.depends_on):
        if other not in known:
            yield Problem(where, f"depends on {other!r}, which is not there", "add it or drop it")
    for talk in workload.talks_to:
        if talk.to not in known or talk.to == workload.name:
            what = "itself" if talk.to == workload.name else f"{talk.to!r}, which is not there"
            yield Problem(where, f"talks to {what}", "name another workload of the snapshot")


def _cycle(known: Mapping[str, Workload]) -> Iterator[Problem]:
    """One cycle of dependencies; mended, the next shows."""
    graph = {name: workload.depends_on for name, workload in known.items() if workload.depends_on}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = [str(name) for name in reversed(error.args[1])]
        words = f"depends on itself: {' on '.join(map(repr, names))}"
        yield Problem(f"workload {names[0]!r}", words, "drop one of these dependencies")


def _placed(snapshot: Snapshot) -> Iterator[Problem]:
    names = {node.name for node in snapshot.nodes}
    ports: dict[tuple[str, int], str] = {}
    for one in snapshot.placed:
        where = f"workload {one.workload.name!r}"
        if one.node not in names:
            yield Problem(where, f"is on {one.node!r}, which is not there", "add the node")
        for port in sorted(one.workload.ports):
            other = ports.setdefault((one.node, port), one.workload.name)
            if other != one.workload.name:
                words = f"has port {port} of {one.node!r} together with {other!r}"
                yield Problem(where, words, "only one of them can")
