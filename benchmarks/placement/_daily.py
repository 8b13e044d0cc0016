"""A week with a new plan every midnight, and how many moves that costs.

The forecast is made anew and all workloads are packed anew; within the day those with relief
relieve hot nodes with a seventh of the week's budget. Moves of a new plan are those that are left
when its nodes are paired with the old ones by what they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from _packing import Node, arrivals, expected, pack
from _playing import MOVES_PER_WORKLOAD, Played, play
from _policies import SIZES, STILL, Policy
from _traces import DAY, Window

from omnicloud.placement.forecast.builtin import BLEND, RC_LIKE
from omnicloud.placement.forecast.gaps import whole

LEAST_SLOTS = 12  # of a day with gaps, for it to count
DARING = (0.94, 0.9, 0.86, 0.82, 0.76, 0.72)
DAILY = (
    Policy("right_sizing", SIZES[2:3], tuple(knob for knob in STILL if knob <= 0.92)),
    Policy("rc_like", (RC_LIKE,), (1.0, 0.96, 0.92)),
    Policy("right_sizing_relief", SIZES[2:3], DARING[2:], relief=True),
    Policy("omnicloud", (BLEND,), DARING, relief=True),
)


@dataclass(frozen=True)
class Replanned:
    """A week of seven plans: workloads and nodes are means over its intervals."""

    density: float
    overloaded: float
    worst_node: float
    moves_per_workload: float


def day_of(there: Window, number: int) -> Window | None:
    """One day of a week, with all before it as the past; ``None`` where hardly any is known."""
    now = there.now + number * DAY
    cpu, memory = (whole(one.between(now, now + DAY)) for one in (there.cpu, there.memory))
    if cpu.shape[1] < LEAST_SLOTS:
        return None
    return Window(now, there.cpu, there.memory, cpu, memory)


def replanned(
    days: Sequence[Window], policy: Policy, knob: float, node: Node, seed: int
) -> Replanned:
    """A week: packed anew for each of its days."""
    before: np.ndarray | None = None
    played: list[Played] = []
    moved = 0
    for there in days:
        order = arrivals(there.count, seed, 0)
        node_of = pack(expected(there, policy.predictors[0]), node, order, knob)
        moved += 0 if before is None else there.count - stayed(before, node_of)
        budget = MOVES_PER_WORKLOAD / 7
        played.append(play(there, node_of.copy(), node, policy.relief, False, moves=budget))
        moved += played[-1].moves
        before = node_of
    slots = np.array([there.cpu_came.shape[1] for there in days])
    nodes = np.array([one.node_hours for one in played]).sum() * 12 / slots.sum()
    over = np.array([one.overloaded for one in played]) @ slots / slots.sum()
    worst = max(one.worst_node for one in played)
    count = days[0].count
    return Replanned(count / float(nodes), float(over), worst, moved / count)


def stayed(before: np.ndarray, after: np.ndarray) -> int:
    """Workloads that need not move, nodes paired by what they have in common, most first."""
    common = np.zeros((after.max() + 1, before.max() + 1), dtype=int)
    np.add.at(common, (after, before), 1)
    stay = 0
    while common.max() > 0:
        new, old = np.unravel_index(common.argmax(), common.shape)
        stay += int(common[new, old])
        common[new, :] = common[:, old] = 0
    return stay


def means(weeks: Sequence[Replanned]) -> dict[str, float]:
    return {
        "workloads_per_node": float(np.mean([one.density for one in weeks])),
        "overloaded_share": float(np.mean([one.overloaded for one in weeks])),
        "worst_node_day_share": max(one.worst_node for one in weeks),
        "moves_per_workload": float(np.mean([one.moves_per_workload for one in weeks])),
    }
