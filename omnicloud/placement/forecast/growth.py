"""When to open a node for want of room: by patience, and by what the goal still allows."""

from __future__ import annotations

from omnicloud.errors import InvalidArgumentError

__all__ = ["Growth"]


class Growth:
    """Weighs a few overloaded intervals against a node more, over a period with a goal.

    A node is opened after some intervals in a row in which moves did not help; at once when
    what the goal allows is spent; and at any overload when a multiple of it is, then with some
    intervals after each node, so that its effect is seen.

    Args:
        share: Of the node-intervals of the period that may be overloaded, 0..1.
        intervals: In the period.
        patience: Intervals in a row without room.
        brake: How many times what the goal allows may be spent before any overload opens a node.
        pause: Intervals from a node to the next for the last of these reasons.

    Raises:
        InvalidArgumentError: A share outside 0..1, or a count or brake below one.
    """

    def __init__(
        self,
        share: float,
        intervals: int,
        *,
        patience: int = 2,
        brake: float = 2.0,
        pause: int = 12,
    ) -> None:
        if not (0 <= share <= 1 and brake >= 1 and intervals >= 1 and patience >= 1):
            raise InvalidArgumentError(
                "growth needs a share of 0..1, a brake of 1 or more, and intervals and patience"
            )
        self._share, self._intervals = share, intervals
        self._patience, self._brake, self._pause = patience, brake, pause
        self._since = pause
        self._waited = 0
        self._spent = 0

    def after(self, *, nodes: int, overloaded: int, need_node: bool) -> bool:
        """Whether to open a node after this interval.

        Args:
            nodes: How many there are.
            overloaded: How many of them were over their capacity.
            need_node: Whether one is left that moves do not help.
        """
        self._spent += overloaded
        self._waited = self._waited + 1 if need_node else 0
        self._since += 1
        opens = self._wanted(nodes, overloaded, need_node)
        if opens:
            self._since = self._waited = 0
        return opens

    def _wanted(self, nodes: int, overloaded: int, need_node: bool) -> bool:
        allowed = self._share * nodes * self._intervals
        if need_node and (self._waited >= self._patience or self._spent >= allowed):
            return True
        braking = overloaded > 0 and self._spent >= self._brake * allowed
        return braking and self._since > self._pause
