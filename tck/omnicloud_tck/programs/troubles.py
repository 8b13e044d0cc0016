"""Draws programs in which two calls meet at one record, or trouble meets one call."""

from __future__ import annotations

import itertools
from typing import Any

from omnicloud_tck.law import Ability
from omnicloud_tck.programs.cast import Manner, Program, Step
from omnicloud_tck.programs.chances import Chance, odd
from omnicloud_tck.programs.drawing import NEIGHBOURS, Calls, apart_in, inside_of

__all__ = ["disturbed", "met"]

_AT_ONCE = 8  # meetings of one program
_TURNS = 5
_CUT = 0.15  # share of the meetings of which one call is cancelled
_SLOWNESS = (0.04, 0.4)


def met(calls: Calls, seed: int, number: int, manner: Manner) -> Program:
    """Pairs of calls that two clients send at once: all of them in turn."""
    chance = _chance("met", calls, seed, number, manner)
    verbs = sorted(calls.single.keys() - apart_in(calls, manner.virtual))
    pairs = list(itertools.product(verbs, verbs))
    random = _chance("pairs", calls, seed, 0, manner)
    random.shuffle(pairs)
    steps: list[Step] = []
    for place in range(number * _AT_ONCE, (number + 1) * _AT_ONCE):
        one, two = (_call(chance, calls, verb) for verb in pairs[place % len(pairs)])
        steps += _prepared(chance, calls)
        cut = chance.randrange(4) if manner.virtual and chance.random() < _CUT else None
        client, turns = chance.choice((1, 1, 0)), chance.randrange(4)
        steps.append(("both", (0, 0), one, client, two, turns, cut))
    return _program(steps)


def disturbed(calls: Calls, seed: int, number: int, manner: Manner) -> Program:
    """Calls that are cancelled, lost, swallowed, slow or met by an outage: all of them in turn."""
    chance = _chance("disturbed", calls, seed, number, manner)
    troubles = _troubles(manner)
    cases = [
        (verb, *way)
        for verb in sorted({**calls.single, **calls.inner})
        for way in (troubles[2:6:3] if verb in calls.rare else troubles)
    ]
    _chance("troubles", calls, seed, 0, manner).shuffle(cases)
    steps: list[Step] = []
    several = _AT_ONCE if manner.virtual else 1  # over a wire, what was cut is waited for
    for place in range(number * several, (number + 1) * several):
        verb, way, *how = cases[place % len(cases)]
        steps += _prepared(chance, calls)
        steps.append((way, (0, chance.randrange(2)), _call(chance, calls, verb), *how))
        if chance.random() < 0.25 and manner.virtual:
            steps += [("pass", 4.0), ("look", (0, 1))]  # what was given up does not come later
        if manner.durable and Ability.RESTART in manner.abilities and chance.random() < 0.1:
            steps.append(("restart",))
    return _program(steps)


def _troubles(manner: Manner) -> list[tuple[Any, ...]]:
    troubles: list[tuple[Any, ...]] = [("cut", turns) for turns in range(_TURNS)]
    if Ability.OUTAGE in manner.abilities:
        troubles += [("outage", turns) for turns in range(_TURNS)]
    if Ability.CUT in manner.abilities:
        troubles.append(("lost",))
    if Ability.PARTITION in manner.abilities:
        troubles.append(("silence",))
    if Ability.SLOW in manner.abilities:
        troubles += [("slow", seconds) for seconds in _SLOWNESS]
    return troubles


def _chance(kind: str, calls: Calls, seed: int, number: int, manner: Manner) -> Chance:
    text = f"{seed}/{kind}/{calls.contract}/{number}"
    chance = odd(text, manner.largest, virtual=manner.virtual)
    chance.names = chance.names[: chance.choice((1, 1, 2))]
    chance.kept["inside"] = inside_of(calls)
    return chance


def _prepared(chance: Chance, calls: Calls) -> list[Step]:
    made = [step for name in chance.names for step in calls.before(chance, name)]
    return made if chance.random() < 0.8 else [*made, ("look", (0, 1))]


def _call(chance: Chance, calls: Calls, verb: str) -> Step:
    drawn = {**calls.inner, **calls.single}[verb]
    return (verb, *drawn.draw(chance))


def _program(steps: list[Step]) -> Program:
    return Program(NEIGHBOURS, tuple(steps), own=True)
