"""Decides whether some order of concurrent calls explains their answers.

The search is that of Wing & Gong, "Testing and verifying concurrent objects" (J. Parallel
Distrib. Comput. 17, 1993): take any call that no other had to precede, ask the model whether it
may answer so, go on. It is memoised on the set of calls taken and the state reached, as in Lowe,
"Testing for linearizability" (Concurrency Comput. Pract. Exper. 29, 2017), and done for each
key alone, which is enough by the locality of linearizability: Horn & Kroening, "Faster
linearizability checking via P-compositionality" (FORTE 2015).

A call whose fate is unknown may be taken at any time after its beginning, or never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from omnicloud_tck.histories.events import Action, Call, Fate

__all__ = ["BUDGET", "Answer", "Judgement", "Model", "State", "as_one", "by_key", "check"]

State = Hashable
Step = Callable[[State, Call], tuple[State, ...]]

BUDGET = 200_000
"""States that are visited for one key before the search gives up, undecided."""


def by_key(action: Action) -> Hashable:
    """The part of the history that an action belongs to: that of its key."""
    return action.key


def as_one(action: Action) -> Hashable:
    """All actions concern one object."""
    return ""


@dataclass(frozen=True, slots=True)
class Model:
    """What an object does when it is asked one thing after another.

    Attributes:
        start: The state before the first call.
        step: All states in which a call may leave the object; none, where it cannot have been
            answered so in that state. For a call of unknown fate, those after its effect.
        part: Which calls concern the same object. Parts are checked alone.
        show: A state in words.
    """

    start: State
    step: Step
    part: Callable[[Action], Hashable] = by_key
    show: Callable[[State], str] = str


class Answer(Enum):
    """What the checker found."""

    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"
    UNDECIDED = "undecided"
    """The budget was spent. Never a proof of anything."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer for a history, or for the first part of it that has no order.

    Attributes:
        visited: States looked at.
        calls: Those of the part.
        order: The longest order that the model could follow.
        state: Where that order ends, in words.
        stuck: Calls of which one had to come next, and none can.
    """

    answer: Answer
    visited: int = 0
    calls: tuple[Call, ...] = ()
    order: tuple[Call, ...] = ()
    state: str = ""
    stuck: tuple[Call, ...] = ()


def check(calls: Iterable[Call], model: Model, budget: int = BUDGET) -> Judgement:
    """Judge each part of a history; the first that is unexplained, or else undecided, counts."""
    parts: dict[Hashable, list[Call]] = defaultdict(list)
    for call in calls:
        if call.fate is not Fate.NOT_DONE:
            parts[model.part(call.action)].append(call)
    judged = [_Search(part, model, budget).judge() for part in parts.values()]
    for answer in (Answer.UNEXPLAINED, Answer.UNDECIDED):
        for judgement in judged:
            if judgement.answer is answer:
                return judgement
    return Judgement(Answer.EXPLAINED, sum(one.visited for one in judged))


Node = tuple[int, State]


class _Search:
    """One part of a history: which calls, as a set of bits, were taken, and the state then."""

    def __init__(self, calls: Sequence[Call], model: Model, budget: int) -> None:
        self._calls = sorted(calls, key=lambda call: call.begun)
        self._model = model
        self._budget = budget
        self._bits = {call.number: 1 << place for place, call in enumerate(self._calls)}
        self._must = sum(self._bits[call.number] for call in self._calls if call.ended is not None)
        self._came: dict[Node, tuple[Node, Call] | None] = {}

    def judge(self) -> Judgement:
        first: Node = (0, self._model.start)
        self._came[first] = None
        waiting, farthest = [first], first
        while waiting:
            node = waiting.pop()
            if node[0] & self._must == self._must:
                return Judgement(Answer.EXPLAINED, len(self._came))
            if len(self._came) > self._budget:
                return Judgement(Answer.UNDECIDED, len(self._came), tuple(self._calls))
            farthest = max(farthest, node, key=self._taken)
            waiting.extend(self._nexts(node))
        return self._unexplained(farthest)

    def _taken(self, node: Node) -> int:
        return (node[0] & self._must).bit_count()

    def _nexts(self, node: Node) -> list[Node]:
        """The nodes one call further that were not seen; the call that ended first, last."""
        mask, state = node
        found: list[Node] = []
        for call in reversed(self._free(mask)):
            for after in self._model.step(state, call):
                if call.ended is None and after == state:
                    continue  # never, or without an effect: the same
                after_node = (mask | self._bits[call.number], after)
                if after_node not in self._came:
                    self._came[after_node] = (node, call)
                    found.append(after_node)
        return found

    def _free(self, mask: int) -> list[Call]:
        """The calls not taken before which no other has to come, by their ends."""
        found: list[Call] = []
        horizon: int | None = None
        for call in self._calls:
            if horizon is not None and call.begun >= horizon:
                break  # and so are all after it
            if mask & self._bits[call.number]:
                continue
            found.append(call)
            if call.ended is not None and (horizon is None or call.ended < horizon):
                horizon = call.ended
        free = [c for c in found if self._follows(c, mask) and c.begun < (horizon or c.begun + 1)]
        return sorted(free, key=lambda call: (call.ended is None, call.ended or 0))

    def _follows(self, call: Call, mask: int) -> bool:
        return call.after is None or bool(mask & self._bits[call.after])

    def _unexplained(self, farthest: Node) -> Judgement:
        order: list[Call] = []
        came = self._came[farthest]
        while came is not None:
            order.append(came[1])
            came = self._came[came[0]]
        stuck = tuple(call for call in self._free(farthest[0]) if call.ended is not None)
        return Judgement(
            Answer.UNEXPLAINED,
            len(self._came),
            tuple(self._calls),
            tuple(reversed(order)),
            self._model.show(farthest[1]),
            stuck,
        )
