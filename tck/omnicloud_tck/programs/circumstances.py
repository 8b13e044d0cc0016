"""What surrounds a program: odd beginnings of its names, pauses, crowds of others, long lists."""

from __future__ import annotations

import random
from dataclasses import replace

from omnicloud_tck.programs.cast import Program, Step

__all__ = ["CROWD", "LEGION", "beginning", "crowded_by", "length_of", "paused", "wide"]

_BEGINNINGS = (
    " {a}(b)<c>!^|@`'\",;?[*]#&=+~$\\%2e_:-B.//../\t\n\x01",
    "e\u0301\u212a\uffee" + "\U0001f980" * 140,
)
"""Marks to which a pattern, a path, a query or a line of text gives a meaning; and much to fold,
compose, cut or write in ASCII."""
_PAUSES = (61.7, 907.1, 90_001.7, 41 * 86_400.7)
_STEADY = 0.6  # share of the steps of a slow program before which nothing happens for a while

CROWD, _BRIEF = 64, 5
"""So many programs are played at once, once, of so many steps."""
LEGION = 1010
"""So many names are in use, once: more than a page, a cache or a table of a client holds."""
_PAGES = 60  # on which a program reads what there is, at most
_SOME = 20  # operations beside a legion
_FEW = 4  # of those that play at once, in all rounds but one


def length_of(number: int, place: int, usual: int, long: int) -> int:
    """How many operations a program has that is played where time is virtual.

    Args:
        long: Of one by clients that do much about a name.
    """
    if place >= _FEW:
        return _BRIEF
    return long if (number, place) == (3, 0) else usual


def beginning(number: int, place: int) -> str:
    """What all names of a program begin with, besides its number: nothing, of every other one."""
    if (number + place) % 2:
        return ""
    return _BEGINNINGS[(number + place) // 2 % len(_BEGINNINGS)]


def wide(limit: int, count: int) -> int:
    """The limit of a page, or more, so that so many things are not on too many pages."""
    return max(limit, count // _PAGES + 1)


def paused(program: Program, seed: str, number: int) -> Program:
    """A program of which, if it is one of every few, the steps are far apart."""
    if number % 4 != 2:
        return program
    chance = random.Random(seed)  # noqa: S311 - cases
    pause = chance.choice(_PAUSES)
    steps: list[Step] = []
    for step in program.steps:
        if chance.random() < _STEADY:
            steps.append(("pass", pause))
        steps.append(step)
    return replace(program, steps=tuple(steps))


def crowded_by(program: Program, legion: Step) -> Program:
    """A program that is played when many names are in use, by what this call does."""
    return replace(program, steps=(("do", (0, 0), legion), *program.steps[:_SOME]))
