"""Draws programs: which steps, by which client of which tenant, and what goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from omnicloud_tck.law import Ability
from omnicloud_tck.programs.cast import Manner, Program, Step, Who
from omnicloud_tck.programs.chances import ALIKE, Chance, Verb, odd

__all__ = ["NEIGHBOURS", "PASSES", "Calls", "apart_in", "calm", "inside_of", "wild"]

NEIGHBOURS: tuple[str | None, str | None] = ("one", "two")
"""Tenants that nothing makes one."""

_STEPS = (7200.0, -7200.0)
_LENGTH = 24  # steps of a program
_LONG = 240  # steps of the first, by clients that have done much
_ROOTED: tuple[tuple[str | None, str | None], ...] = ((None, "acme"), ("acme", None))
PASSES = (0.9, 0.9, 4.0, 31.0, 700.0, 8000.0, 41 * 86_400.0)
"""Seconds that may pass between calls."""


class Calls(Protocol):
    """What is drawn from: the calls of a contract that a provider declares."""

    contract: ClassVar[str]
    single: dict[str, Verb]
    whole: dict[str, Verb]
    inside: frozenset[str]
    inner: dict[str, Verb]
    rare: frozenset[str]
    apart: frozenset[str]

    def before(self, chance: Chance, name: str) -> list[Step]:
        """Steps that make a record of a name be, or not be, before two calls meet at it."""


def calm(
    calls: Calls, seed: int, number: int, manner: Manner, length: int | None = None
) -> Program:
    """Calls of two tenants, one after another, while time passes; so many, or as a law plays."""
    return _drawn("calm", calls, seed, number, manner, length)


def wild(calls: Calls, seed: int, number: int, manner: Manner) -> Program:
    """The same of tenants that are much alike, with all that may come between."""
    return _drawn("wild", calls, seed, number, manner, None)


def _drawn(
    kind: str, calls: Calls, seed: int, number: int, manner: Manner, length: int | None
) -> Program:
    """The program that this seed and number always give.

    Every other one has only some of the verbs, which meet the more often: Groce et al.,
    "Swarm testing" (ISSTA 2012).
    """
    text = f"{seed}/{kind}/{calls.contract}/{number}"
    chance = odd(text, manner.largest, virtual=manner.virtual)
    verbs = {**calls.single, **calls.whole}
    if number % 2:
        kept = chance.sample(sorted(verbs), chance.randint(min(4, len(verbs)), len(verbs)))
        verbs = {verb: verbs[verb] for verb in kept}
    chance.kept["inside"] = inside_of(calls)
    ways = _calm(manner) if kind == "calm" else _calm(manner) | _wild(manner)
    length = length or (_LONG if number == 0 and manner.virtual else _LENGTH)
    steps = [_step(chance, calls, verbs, ways) for _ in range(length)]
    tenants = (
        NEIGHBOURS
        if kind == "calm"
        else chance.choice(ALIKE if chance.random() < 0.75 else _ROOTED)
    )
    canaries = tuple(chance.canaries) if kind == "wild" else ()
    return Program(tenants, tuple(steps), canaries, own=None not in tenants)


def apart_in(calls: Calls, virtual: bool) -> frozenset[str]:
    """Calls that meet no other; over a wire, transactions meet each other in histories."""
    return calls.apart if virtual else calls.apart | {"block"}


def inside_of(calls: Calls) -> dict[str, Verb]:
    """What a transaction may hold."""
    kept = {name: verb for name, verb in calls.single.items() if name in calls.inside}
    return kept | calls.inner


Way = Callable[[Chance, "Draws"], Step]


class Draws:
    """Draws calls of the verbs of one program."""

    def __init__(self, chance: Chance, calls: Calls, verbs: dict[str, Verb]) -> None:
        self._chance, self._calls, self._verbs = chance, calls, verbs

    def call(self) -> Step:
        """A call of any kind."""
        return self._of(self._verbs)

    def single(self) -> Step:
        """One that is one request or one transaction."""
        kept = {name: verb for name, verb in self._verbs.items() if name in self._calls.single}
        return self._of(kept or self._calls.single)

    def meeting(self) -> Step:
        """One of those that may meet another."""
        meet = self._calls.single.keys() - apart_in(self._calls, self._chance.virtual)
        kept = {name: verb for name, verb in self._calls.single.items() if name in meet}
        return self._of({name: verb for name, verb in kept.items() if name in self._verbs} or kept)

    def who(self) -> Who:
        """A client, mostly of the first house."""
        return int(self._chance.random() < 0.25), self._chance.randrange(2)

    def _of(self, verbs: dict[str, Verb]) -> Step:
        names = sorted(verbs)
        verb = self._chance.choices(names, [verbs[name].weight for name in names])[0]
        return (verb, *verbs[verb].draw(self._chance))


def _calm(manner: Manner) -> dict[str, tuple[float, Way]]:
    """What one caller after another does."""
    ways: dict[str, tuple[float, Way]] = {
        "do": (100, lambda _, draws: ("do", draws.who(), draws.call())),
        "look": (3, lambda _, draws: ("look", draws.who())),
        "reopen": (3, lambda chance, _: ("reopen", chance.randrange(2))),
    }
    if manner.virtual:
        ways["pass"] = (10, lambda chance, _: ("pass", chance.choice(PASSES)))
    return ways


def _wild(manner: Manner) -> dict[str, tuple[float, Way]]:
    """What happens besides, where it is possible."""
    ways: dict[str, tuple[float, Way]] = {"both": (8, _both)}
    offered: dict[str, tuple[Ability, float, Way]] = {
        "outage": (Ability.OUTAGE, 4, _turned("outage")),
        "lost": (Ability.CUT, 3, _plain("lost")),
        "silence": (Ability.PARTITION, 2, _plain("silence")),
        "slow": (Ability.SLOW, 2, _slow),
        "wall": (Ability.STEP_WALL, 5, lambda chance, _: ("wall", chance.choice(_STEPS))),
    }
    if manner.virtual:
        ways["cut"] = (7, _turned("cut"))
        for way, (ability, weight, draw) in offered.items():
            if ability in manner.abilities:
                ways[way] = (weight, draw)
        if manner.durable and Ability.RESTART in manner.abilities:
            ways["restart"] = (2, lambda *_: ("restart",))
    return ways


def _both(chance: Chance, draws: Draws) -> Step:
    who, client = draws.who(), chance.randrange(2)
    return ("both", who, draws.meeting(), client, draws.meeting(), chance.randrange(4))


def _plain(way: str) -> Way:
    return lambda _, draws: (way, draws.who(), draws.single())


def _turned(way: str) -> Way:
    return lambda chance, draws: (way, draws.who(), draws.single(), chance.randrange(5))


def _slow(chance: Chance, draws: Draws) -> Step:
    return ("slow", draws.who(), draws.single(), chance.choice((0.04, 0.4, 3.2)))


def _step(
    chance: Chance, calls: Calls, verbs: dict[str, Verb], ways: dict[str, tuple[float, Way]]
) -> Step:
    names = list(ways)
    way = chance.choices(names, [ways[name][0] for name in names])[0]
    return ways[way][1](chance, Draws(chance, calls, verbs))
