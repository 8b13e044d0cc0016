"""Programs: what each client of a history is to do, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from omnicloud_tck.histories.events import Action

__all__ = ["Draw", "Program", "Step", "drawn_program"]

Draw = Callable[[random.Random, str], Action]
"""A random action, given a value that no other action of the program has."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action of one client.

    Attributes:
        turns: Turns of the event loop to let pass before it.
        seconds: Time to let pass before it.
        cancel: After how many turns of the event loop it is cancelled; ``None`` for never.
    """

    action: Action
    turns: int = 0
    seconds: float = 0.0
    cancel: int | None = None


Lane = tuple[Step, ...]

_PACES = ((0, 0, 0, 1, 1, 2, 3, 5), (0, 0, 0, 0, 1), (0, 1, 2))
_SAMPLES = 30
_MAKES = frozenset({"set", "create", "put", "move", "add", "bump", "save", "publish", "acquire"})


@dataclass(frozen=True, slots=True)
class Program:
    """What all clients do.

    Attributes:
        lanes: The steps of each client, one after another.
        outage: After how many calls the backend goes away for a while; ``None`` for never.
        restart: After how many steps of each client the backend is killed and comes back, with
            no call in flight; ``None`` for never.
        shared: Whether the clients are tasks that share one connection to the backend; of three
            or more, the last has its own.
    """

    lanes: tuple[Lane, ...]
    outage: int | None = None
    restart: int | None = None
    shared: bool = False

    @property
    def size(self) -> int:
        """How many steps it has."""
        return sum(map(len, self.lanes))

    def without(self, gone: frozenset[tuple[int, int]]) -> Program:
        """The program without the steps at these places (client, place in its lane)."""
        lanes = tuple(
            tuple(step for place, step in enumerate(lane) if (client, place) not in gone)
            for client, lane in enumerate(self.lanes)
        )
        return replace(self, lanes=lanes)

    def places(self) -> list[tuple[int, int]]:
        """Where its steps are."""
        return [(c, place) for c, lane in enumerate(self.lanes) for place in range(len(lane))]

    def with_step(self, client: int, place: int, step: Step) -> Program:
        """The program with another step at a place."""
        lane = self.lanes[client]
        changed = (*lane[:place], step, *lane[place + 1 :])
        return replace(self, lanes=(*self.lanes[:client], changed, *self.lanes[client + 1 :]))


@dataclass(frozen=True, slots=True)
class Manner:
    """How programs of a law are drawn.

    Attributes:
        clients: At most so many, at least two.
        steps: So many of each client in the end, three times as many in long programs.
        pause: The longest time between two steps, in seconds.
        cancels: Whether calls are cancelled, in every other program.
        outages: Whether the backend goes away, in every fifth.
        restarts: Whether it is killed, in every tenth, where no call is cancelled.
    """

    clients: int = 3
    steps: int = 10
    pause: float = 0.02
    cancels: bool = True
    outages: bool = False
    restarts: bool = False


def drawn_program(draw: Draw, seed: int, number: int, manner: Manner) -> Program:
    """The program that this seed and number always give; later ones are longer, some long."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - cases, not keys
    long = number % 6 == 5
    clients = 2 if long else 2 + number % (manner.clients - 1)
    steps = min(manner.steps, 4 + number // 2) * (3 if long else 1)
    # A few calls of unknown fate are enough; with many the search for an order takes for ever.
    cancels = min(0.3, 5 / (clients * steps)) if manner.cancels and number % 2 == 1 else 0.0
    draw = _narrowed(draw, chance) if chance.random() < 0.6 else draw
    turns = chance.choice(_PACES)
    lanes = tuple(
        tuple(
            _step(draw, chance, f"{'abcdefgh'[c]}{n}", manner, turns, cancels) for n in range(steps)
        )
        for c in range(clients)
    )
    return Program(
        lanes,
        chance.randrange(clients * steps) if manner.outages and number % 5 == 3 else None,
        steps // 2 if manner.restarts and number % 10 == 4 else None,
        number % 4 == 2,
    )


def _narrowed(draw: Draw, chance: random.Random) -> Draw:
    """Draw only actions of two or three verbs, about one key or all.

    Few kinds of actions meet more often: Groce et al., "Swarm testing" (ISSTA 2012).
    """
    samples = [draw(chance, "") for _ in range(_SAMPLES)]
    verbs = _some({one.verb for one in samples}, chance)
    keys = {chance.choice(samples).key} if chance.random() < 0.5 else {one.key for one in samples}

    def narrow(chance: random.Random, fresh: str) -> Action:
        for _ in range(_SAMPLES):
            action = draw(chance, fresh)
            if action.verb in verbs and action.key in keys:
                return action
        return draw(chance, fresh)

    return narrow


def _some(verbs: set[str], chance: random.Random) -> set[str]:
    """Two or three of the verbs, one of which makes something that others are about."""
    some = set(chance.sample(sorted(verbs), min(len(verbs), chance.choice((2, 2, 3)))))
    makes = sorted(verbs & _MAKES)
    return some if some & _MAKES or not makes else some | {chance.choice(makes)}


def _step(
    draw: Draw,
    chance: random.Random,
    fresh: str,
    manner: Manner,
    turns: tuple[int, ...],
    cancels: float,
) -> Step:
    return Step(
        draw(chance, fresh),
        chance.choice(turns),
        chance.random() * manner.pause if chance.random() < 0.15 else 0.0,
        chance.randrange(1, 7) if chance.random() < cancels else None,
    )
