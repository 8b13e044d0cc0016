"""Draws what many do at once, and what is done often: each call is answered as if it were alone."""

from __future__ import annotations

from omnicloud_tck.programs.cast import Manner, Program, Step
from omnicloud_tck.programs.chances import Chance, odd
from omnicloud_tck.programs.drawing import PASSES, Calls, apart_in, inside_of

__all__ = ["crowd", "worn"]

_MANY, _REAL_MANY = 64, 8  # programs, of two tenants each
_CALLS = 3
_OFTEN, _REAL_OFTEN = 450, 24  # calls about one name
_TENANTS = ("often", "seldom")
_LARGEST = 5000  # bytes: that many are there at once
_LONG, _LOOKS = 0.05, 0.1  # shares of the calls before which time passes, and after which is read
_OTHERS, _SELDOM = 0.25, 0.03  # shares of the calls that the second tenant makes


def crowd(calls: Calls, seed: int, number: int, manner: Manner) -> list[Program]:
    """Programs of a few calls, in which each verb comes about as often as any other."""
    many = range(_MANY if manner.virtual else _REAL_MANY)
    programs: list[Program] = []
    for one in many:
        chance = _chance(f"{seed}/crowd/{calls.contract}/{number}/{one}", calls, manner)
        chance.names = chance.names[:2]
        steps = [step for name in chance.names for step in calls.before(chance, name)]
        verbs = _verbs(calls, manner)
        turns = range(one * _CALLS, (one + 1) * _CALLS)
        steps += [_call(chance, calls, verbs[turn % len(verbs)]) for turn in turns]
        tenants = (f"one-{one}", f"two-{one}")
        programs.append(Program(tenants, tuple(steps), own=True, shared=True))
    return programs


def worn(calls: Calls, seed: int, number: int, manner: Manner) -> Program:
    """Calls of every verb about one name."""
    chance = _chance(f"{seed}/worn/{calls.contract}/{number}", calls, manner)
    chance.names = chance.names[:1]
    steps: list[Step] = []
    for _ in range(_OFTEN if manner.virtual else _REAL_OFTEN):
        if manner.virtual and chance.random() < _LONG:
            steps.append(("pass", chance.choice(PASSES)))
        steps.append(_call(chance, calls, chance.choice(_verbs(calls, manner)), _SELDOM))
        if chance.random() < _LOOKS:
            steps.append(("look", (0, chance.randrange(2))))
    return Program(_TENANTS, tuple(steps), own=True)


def _chance(seed: str, calls: Calls, manner: Manner) -> Chance:
    chance = odd(seed, min(manner.largest, _LARGEST), virtual=manner.virtual)
    chance.kept["inside"] = inside_of(calls)
    return chance


def _verbs(calls: Calls, manner: Manner) -> list[str]:
    apart = calls.rare if manner.virtual else calls.rare | apart_in(calls, virtual=False)
    return sorted(calls.single.keys() - apart)


def _call(chance: Chance, calls: Calls, verb: str, others: float = _OTHERS) -> Step:
    who = int(chance.random() < others), chance.randrange(2)
    return ("do", who, (verb, *calls.single[verb].draw(chance)))
