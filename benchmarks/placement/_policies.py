"""The policies that are compared, and how each gets its knob from past windows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from _packing import Expected, Node, arrivals, bought, expected, pack
from _playing import SLO, Played, play
from _traces import DAY, Fleet, Window, rehearsals, window

from omnicloud.placement.forecast.builtin import BLEND, RC_LIKE
from omnicloud.placement.forecast.calibration import Goal, Outcome, densest
from omnicloud.placement.forecast.predictor import Predictor
from omnicloud.placement.forecast.predictors.maximum import Maximum
from omnicloud.placement.forecast.predictors.peak import PeakOfSum
from omnicloud.placement.forecast.predictors.percentile import Percentile
from omnicloud.placement.forecast.predictors.request import ByRequest

STILL = tuple(np.round(np.arange(0.76, 1.33, 0.04), 2).tolist())
RELIEVED = tuple(np.round(np.arange(0.62, 1.03, 0.04), 2).tolist())
SIZES = (
    Percentile("p90 x 1.15", 0.90, 1.15),
    Percentile("p95 x 1.15", 0.95, 1.15),
    Percentile("p99 x 1.15", 0.99, 1.15),
    Maximum("maximum x 1.15", 1.15),
)
WITHIN = Goal(SLO)
CAREFUL = Goal(0.7 * SLO, worst_node=0.01, recent=4)


@dataclass(frozen=True)
class Policy:
    """A way to place.

    Attributes:
        predictors: Of which the best on the past is taken, with its knob.
        knobs: Factors on the forecast to choose from.
        asked: Memory by request as well.
        relief: Whether hot nodes are relieved during the week.
        spread: Emptiest node first instead of fullest.
        mixed: The cheapest mix of types of nodes, bought for all workloads at once.
        memory_fill: Share of a node's memory in use from which on it is relieved as well.
        calm: Quiet intervals after which a node is given back; never without.
        goal: What a knob must have kept in the past.
    """

    name: str
    predictors: tuple[Predictor, ...]
    knobs: tuple[float, ...] = (1.0,)
    relief: bool = False
    spread: bool = False
    mixed: bool = False
    asked: bool = False
    memory_fill: float | None = None
    calm: int | None = None
    goal: Goal = WITHIN


POLICIES = (
    Policy("requests", (ByRequest(),), spread=True, asked=True),
    Policy("most_allocated", (ByRequest(),), asked=True),
    Policy("right_sizing", SIZES, STILL),
    Policy("rc_like", (RC_LIKE,), STILL),
    Policy("peak_of_sum", (PeakOfSum(),), STILL),
    Policy("omnicloud_still", (BLEND, RC_LIKE), STILL, goal=CAREFUL),
    Policy("right_sizing_relief", SIZES[2:3], RELIEVED, relief=True, goal=CAREFUL),
    Policy("rc_like_relief", (RC_LIKE,), RELIEVED, relief=True, goal=CAREFUL),
    Policy("omnicloud", (BLEND, RC_LIKE), RELIEVED, relief=True, goal=CAREFUL),
)


MIXED = (
    Policy("right_sizing_mixed", SIZES[2:3], STILL, mixed=True),
    Policy(
        "omnicloud",
        (BLEND, RC_LIKE),
        RELIEVED,
        relief=True,
        mixed=True,
        memory_fill=0.8,
        calm=DAY // 2,
        goal=CAREFUL,
    ),
)


@dataclass(frozen=True)
class Choice:
    """What was chosen from the past for a window."""

    predictor: Predictor
    knob: float


class Bench:
    """Plays policies on windows of a fleet, and remembers what each brought."""

    def __init__(
        self,
        fleet: Fleet,
        node: Node,
        seed: int,
        strict: bool = False,
        largest: Node | None = None,
        kinds: Sequence[Node] = (),
    ) -> None:
        """Workloads are those of at most half of ``largest``, where it is not the node itself.

        ``kinds`` are for policies that mix them.
        """
        self.fleet, self.node, self.seed, self.strict = fleet, node, seed, strict
        self._kinds = kinds
        self._largest = largest or node
        self.window = cache(self._window)
        self.play = cache(self._play)
        self._expected = cache(self._fit)

    def choose(self, policy: Policy, rehearsals: Sequence[int]) -> Choice:
        """The densest that kept the policy's goal in the rehearsals, one order of arrival each.

        Of each predictor the lowest knob that did; higher ones are less dense. The highest where
        none did, one in the middle where nothing was rehearsed.
        """
        if len(policy.knobs) == 1:
            return Choice(policy.predictors[0], policy.knobs[0])
        met: dict[float, list[Outcome]] = {}
        choices: list[Choice] = []
        for predictor in policy.predictors:
            for knob in policy.knobs:
                seen = self._rehearsed(policy, Choice(predictor, knob), rehearsals)
                if seen and policy.goal.met(seen):
                    met[float(len(choices))] = seen
                    choices.append(Choice(predictor, knob))
                    break
        number = densest(met, policy.goal, careful=-1.0)
        if number >= 0:
            return choices[int(number)]
        careful = policy.knobs[-1] if rehearsals else policy.knobs[len(policy.knobs) // 2]
        return Choice(policy.predictors[-1], careful)

    def _rehearsed(
        self, policy: Policy, choice: Choice, rehearsals: Sequence[int]
    ) -> list[Outcome]:
        """What it led to; nothing as soon as the goal is out of reach."""
        outcomes: list[Outcome] = []
        spent, allowed = 0.0, policy.goal.overloaded * len(rehearsals)
        for start in rehearsals:
            outcomes.append(self._outcome(policy, choice, start))
            spent += outcomes[-1].overloaded
            if spent > allowed or outcomes[-1].worst_node > policy.goal.worst_node:
                return []
        return outcomes

    def _outcome(self, policy: Policy, choice: Choice, start: int) -> Outcome:
        played = self.play(policy, choice, start, start)
        much = played.workloads / played.usd if policy.mixed else played.density
        return Outcome(much, played.overloaded, played.worst_node)

    def _window(self, start: int) -> Window:
        return window(self.fleet, start, (self._largest.cores, self._largest.gib))

    def _fit(self, start: int, predictor: Predictor, asked: bool) -> Expected:
        return expected(self.window(start), predictor, strict=self.strict, asked=asked)

    def _play(self, policy: Policy, choice: Choice, start: int, order: int) -> Played:
        what = self._expected(start, choice.predictor, policy.asked)
        there = self.window(start)
        if policy.mixed:
            node_of, nodes = bought(what, self._kinds, choice.knob)
            return play(
                there,
                node_of,
                self.node,
                policy.relief,
                self.strict,
                nodes,
                memory_fill=policy.memory_fill,
                calm=policy.calm,
            )
        coming = arrivals(there.count, self.seed, order)
        node_of = pack(what, self.node, coming, choice.knob, policy.spread)
        return play(there, node_of, self.node, policy.relief, self.strict, calm=policy.calm)


class Remembered:
    """The choices that a run of ``density.py`` on the same data left in its JSON.

    The past that they were chosen from is the same, so they need not be made again.
    """

    def __init__(self, bench: Bench, results: Path) -> None:
        self._bench = bench
        self._windows: dict[str, list[dict[str, object]]] = {}
        if results.exists():
            told = json.loads(results.read_text())
            same = told["data_sha256"] == bench.fleet.hashes
            what = {"seed": str(bench.seed), "node": f"{bench.node.cores:g}x{bench.node.gib:g}"}
            if same and what.items() <= told["options"].items():
                self._windows = told["windows"]

    def choose(self, policy: Policy, start: int) -> Choice:
        """From the JSON where it has the window, else anew."""
        for told in self._windows.get(policy.name, []):
            if told["first_day"] == start / DAY:
                named = {one.name: one for one in policy.predictors}
                return Choice(named[str(told["predictor"])], float(str(told["knob"])))
        return self._bench.choose(policy, rehearsals(start))
