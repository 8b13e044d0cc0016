"""What is asked about the best-scored nodes only: a check too dear for every node."""

from __future__ import annotations

from typing import Protocol

from omnicloud.placement.model.verdict import Verdict
from omnicloud.placement.model.workload import Workload

__all__ = ["Verifier"]


class Verifier(Protocol):
    """A last word on a node, such as the forecast peak of the sum of what runs there.

    Nodes are told by their index in :attr:`~omnicloud.placement.model.snapshot.Snapshot.nodes`,
    which are sorted by name. The engine tells of every workload that comes to a node or
    leaves it, those that the snapshot has on its nodes first, so that a verifier may keep sums.
    """

    def fits(self, node_index: int, workload: Workload) -> Verdict:
        """Whether the node may take the workload besides what it has. Changes nothing."""
        ...

    def added(self, node_index: int, workload: Workload) -> None:
        """The workload is on the node from now on."""
        ...

    def removed(self, node_index: int, workload: Workload) -> None:
        """The workload left the node."""
        ...
