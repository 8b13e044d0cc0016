"""What a contract gives to the histories: clients, random actions, and what answers may be."""

from __future__ import annotations

import random
from collections.abc import Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from omnicloud.core.clock import Clock
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import Undecided
from omnicloud_tck.histories.checker import Answer, Judgement, Model, check
from omnicloud_tck.histories.events import Action, Call
from omnicloud_tck.histories.recorder import Recorder

__all__ = ["Client", "Finding", "Modelled", "Session", "Subject"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a history.

    Attributes:
        why: In one sentence.
        calls: Those that it is about.
        notes: Further lines: how far an order could be found.
    """

    why: str
    calls: tuple[Call, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """What a client of a history is given.

    Attributes:
        pipeline: Its way to the driver.
        clock: The world's.
        space: What all its names begin with; no other history has it.
        name: Its own in the history.
    """

    pipeline: Pipeline[Any]
    clock: Clock
    space: str
    name: str


class Session(Protocol):
    """One client in one history."""

    def resolve(self, action: Action) -> Action:
        """The action as it is sent: with the version that this client has seen last, say."""

    def perform(self, action: Action) -> Coroutine[Any, Any, Hashable]:
        """Send it; the answer in the words of the model.

        Refusals that are answers (a conflict) are returned, other errors raised.
        """


class Subject(Protocol):
    """One kind of history of one contract."""

    uncut: frozenset[str]
    """Verbs whose calls are not cancelled."""

    def draw(self, chance: random.Random, fresh: str) -> Action:
        """A random action; ``fresh`` is a value that no other action of the program has."""

    def open(self, client: Client) -> Session:
        """One more client."""

    async def prepare(self, sessions: Sequence[Session]) -> None:
        """Before any client does anything."""

    async def finish(self, sessions: Sequence[Session], recorder: Recorder) -> None:
        """Once all clients are done: look at what is left."""

    def judge(self, calls: Sequence[Call]) -> Finding | None:
        """What is wrong with a history, if anything.

        Raises:
            Undecided: It cannot be told within the checker's budget.
        """


class Modelled:
    """A subject whose answers are those of a model, in some order."""

    model: Model
    last: tuple[Action, ...] = ()
    """What the first client asks once all are done."""
    uncut: frozenset[str] = frozenset()

    async def prepare(self, sessions: Sequence[Session]) -> None:
        """Nothing: what is not there yet is a state too."""

    async def finish(self, sessions: Sequence[Session], recorder: Recorder) -> None:
        for action in self.last:
            await recorder.record(0, action, sessions[0].perform)

    def read(self, calls: Sequence[Call]) -> Sequence[Call]:
        """The calls as the model knows them."""
        return calls

    def judge(self, calls: Sequence[Call]) -> Finding | None:
        judgement = check(self.read(calls), self.model)
        if judgement.answer is Answer.UNDECIDED:
            raise Undecided(f"no answer after {judgement.visited} states")
        return _finding(judgement) if judgement.answer is Answer.UNEXPLAINED else None


def _finding(judgement: Judgement) -> Finding:
    order = " · ".join(_named(call) for call in judgement.order) or "nothing"
    stuck = "; ".join(f"{_named(call)} → {call.answer()}" for call in judgement.stuck)
    return Finding(
        "no order of these calls explains their answers",
        judgement.calls,
        (
            f"the longest order that can be: {order}",
            f"the state then: {judgement.state}",
            f"one of these would have to come next, and none can: {stuck}",
        ),
    )


def _named(call: Call) -> str:
    return f"{'ABCDEFGH'[call.client]} {call.action}"
