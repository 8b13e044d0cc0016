"""Workloads that talk to each other are near enough, whichever of them comes first."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from omnicloud.placement.engine.fleet import Fleet, Floats, Rows
from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload
from omnicloud.placement.rules.protocol import Bools, Filter, Rule, Scope

__all__ = ["Near", "Sites"]


class Sites:
    """The round trips between the places of the fleet, and who talks to whom.

    Attributes:
        codes: The site of each node: its zone in its region.
        seconds: Between sites; infinite where nobody said.
    """

    def __init__(self, fleet: Fleet) -> None:
        sites = sorted({(node.region, node.zone) for node in fleet.nodes})
        code = {site: number for number, site in enumerate(sites)}
        self.codes = np.array([code[n.region, n.zone] for n in fleet.nodes], dtype=np.intp)
        known = {frozenset((one.one, one.other)): one.seconds for one in fleet.latencies}
        table = [[_seconds(known, one, other) for other in sites] for one in sites]
        self.seconds: Floats = np.array(table, dtype=np.float64).reshape(len(sites), len(sites))
        self._peers: dict[str, dict[str, float]] = defaultdict(dict)

    def announce(self, workload: Workload) -> bool:
        """Note to whom it talks; whether that was news."""
        news = False
        for talk in workload.talks_to:
            for one, other in ((workload.name, talk.to), (talk.to, workload.name)):
                bound = min(talk.at_most_seconds, self._peers[one].get(other, math.inf))
                news |= self._peers[one].get(other) != bound
                self._peers[one][other] = bound
        return news

    def peers(self, workload: str) -> dict[str, float]:
        """Whom it must be near to, and how near, whoever of both said so."""
        return self._peers.get(workload, {})


def _seconds(
    known: dict[frozenset[str], float], one: tuple[str, str], other: tuple[str, str]
) -> float:
    zones = frozenset(f"{region}/{zone}" for region, zone in (one, other))
    regions = frozenset((one[0], other[0]))
    found = known.get(zones, known.get(regions))
    if found is not None:
        return found
    return 0.0 if one[0] == other[0] else math.inf


class Near(Rule):
    """Every peer that is placed is within the bound of either side."""

    name = "latency"

    def announce(self, fleet: Fleet, workload: Workload) -> None:
        """Note whom it talks to: that binds the other too."""
        if workload.talks_to and fleet.table(Sites).announce(workload):
            fleet.named.update((workload.name, *(talk.to for talk in workload.talks_to)))
            fleet.new_epoch()

    def filter(self, fleet: Fleet, workload: Workload, eligible: Bools) -> Filter | None:
        """Concerns workloads that talk or are talked to."""
        peers = fleet.table(Sites).peers(workload.name)
        return _WithinReach(fleet, peers) if peers else None


class _WithinReach(Filter):
    scope = Scope.SHARED

    def __init__(self, fleet: Fleet, peers: dict[str, float]) -> None:
        self._fleet = fleet
        self._peers = peers
        self._sites = fleet.table(Sites)

    def passes(self, rows: Rows) -> Bools:
        sites = self._sites.codes[rows]
        good = np.ones(sites.shape, dtype=np.bool_)
        for peer, most in self._peers.items():
            row = self._fleet.where.get(peer)
            if row is not None:
                good &= self._sites.seconds[sites, self._sites.codes[row]] <= most
        return good

    def verdict(self, row: int) -> Verdict:
        site = self._sites.codes[row]
        name = self._fleet.nodes[row].name
        for peer, most in sorted(self._peers.items()):
            there = self._fleet.where.get(peer)
            if there is None:
                continue
            found = float(self._sites.seconds[site, self._sites.codes[there]])
            if found > most:
                far = f"{found:g} s" if math.isfinite(found) else "an unknown time"
                words = f"{name} is {far} from {peer}, at most {most:g} s are allowed"
                return Verdict(Near.name, False, words, most, found, "seconds")
        return Verdict(Near.name, True, f"{name} is near enough to all that it talks to")
