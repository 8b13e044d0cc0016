"""Random programs as a law: several tenants play them at once, each beside a model of its own."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, OmniCloudError, UnsupportedError
from omnicloud_tck.check import Broken
from omnicloud_tck.differential.seats import Seat
from omnicloud_tck.differential.shrinking import shrunk
from omnicloud_tck.differential.twins import Idle, Scene, Step, Subject, drawn_steps
from omnicloud_tck.probes import Scoping
from omnicloud_tck.spans import traced
from omnicloud_tck.telling import tells
from omnicloud_tck.world import World

__all__ = ["ALIKE", "CANARY", "hold", "logged"]

CANARY = re.compile(r"cnry-[0-9a-f]{10}")
"""What stands in payloads that nobody may tell."""

ALIKE: tuple[tuple[str, str], ...] = (
    *(("acme", "ACME"), ("acme", "acme2"), ("a", "a/b"), ("a", "a "), ("é", "e\u0301")),
    *(("fi", "\ufb01"), ("a-b", "a_b"), ("a/b", "a%2Fb"), ("a:b", "a::b"), ("..", ".")),
    *(("a.b", "a"), ("*", "a"), ("%", "a"), ("t" * 64 + "1", "t" * 64 + "2"), ("~a", "a")),
    *(("straße", "strasse"), ("\u212a", "K"), ("a\0b", "a"), ("1", "01"), ("a b", "a+b")),
    *(("plumless", "buckeroo"), ("AaBB", "BBAa"), ("t" * 8 + "1", "t" * 8 + "2")),
)
"""Tenants of which a fold, a cut, an escape or a hash makes one."""

_LENGTH = 40  # operations of a program
_REAL_SECONDS = 1.0  # after which no round is begun over a real backend
_REAL_TENANTS = 2
_DISTURBED = 3  # how often a program is played that errors of the moment disturb
_TRIES, _SHRINKING = 150, 1.0  # how often one is played to make it smaller, and seconds for it
_SHOWN = 700  # characters of a counter-example
_ANEW = 0.03  # share of the operations before which a client is opened anew


async def hold(
    subject: Subject, world: World[Any], seed: int, *, rounds: int, tenants: int = 4
) -> None:
    """Break the law where a provider answers a random program otherwise than its model.

    In each round every tenant plays a program of its own in names that all of them use.

    Args:
        rounds: Over a real backend there are fewer, for it ends soon.
    """
    with logged(world.virtual) as texts:
        count = tenants if world.virtual else min(tenants, _REAL_TENANTS)
        players = [_Player(subject, world, seed, texts) for _ in range(count)]
        for player in players:
            await player.open()
        started = time.perf_counter()
        for number in range(rounds):
            if not world.virtual and number and time.perf_counter() - started > _REAL_SECONDS:
                return
            await _round(players, number)
            await world.sleep(0.01)  # a virtual clock that never waits is taken to spin


async def _round(players: list[_Player], number: int) -> None:
    tenants = _tenants(players[0].seed, number, len(players))
    for player, tenant in zip(players, tenants, strict=True):
        player.serve(tenant)
    games = [
        _Game(player, number * len(players) + place, f"r{number}-")
        for place, player in enumerate(players)
    ]
    found = await asyncio.gather(*(game.wrong() for game in games))
    if any(why is not None for why in found):
        raise Broken(await _told(games, players[0].seed))


def _tenants(seed: int, number: int, count: int) -> list[str | None]:
    """Those of a round: nobody's, and two that are much alike."""
    chance = random.Random(f"{seed}/{number}/tenants")  # noqa: S311 - cases
    return [None, *chance.choice(ALIKE), "someone else"][:count]


async def _told(games: list[_Game], seed: int) -> str:
    """What is wrong, with the fewest operations that show it."""
    for game in games:
        if game.why is None:
            continue
        until = time.perf_counter() + _SHRINKING

        async def fails(steps: list[Step], game: _Game = game, until: float = until) -> str | None:
            return await game.anew(steps) if time.perf_counter() < until else None

        again = await fails(game.steps)
        if again is None:
            continue
        steps, why = await shrunk(game.steps, again, fails, _TRIES)
        return _said(why, steps, game, seed)
    first = next(game for game in games if game.why is not None)
    about = f"{first.why} (not when it is played without the programs of other tenants)"
    return _said(about, first.steps, first, seed)


def _said(why: str, steps: list[Step], game: _Game, seed: int) -> str:
    shown = "; ".join(" ".join(map(repr, step)) for step in steps)
    whole = f"{why}; again with `--seed {seed}`, by {len(steps)} operations: {shown}"
    return whole if len(whole) <= _SHOWN else f"{whole[:_SHOWN]}…"


class _Player:
    """Two clients of one tenant, of another one in each round."""

    def __init__(
        self,
        subject: Subject,
        world: World[Any],
        seed: int,
        logged: list[str],
    ) -> None:
        self.subject, self.world, self.seed, self.logged = subject, world, seed, logged
        self.seats = (Seat(world), Seat(world))
        self._pipes: list[Pipeline[Any]] = []
        self.fresh = (f"s{number}-" for number in itertools.count())

    async def open(self) -> None:
        for seat in self.seats:
            await seat.sit()

    def serve(self, tenant: str | None) -> None:
        """Be the clients of this tenant from now on."""
        layers = [Scoping(tenant)]
        self._pipes = [Pipeline(seat, layers, service=ServiceInfo("tck")) for seat in self.seats]

    def scene(self, space: str) -> Scene:
        one, two = self._pipes
        return Scene((one, two), one.driver.features, self.world, space)


class _Game:
    """A program that a player plays."""

    def __init__(self, player: _Player, number: int, space: str) -> None:
        self._player, self._space = player, space
        drawn = drawn_steps(player.subject, player.seed, number, _LENGTH)
        self.steps = _with_openings(drawn, player, number)
        self.why: str | None = None

    async def wrong(self) -> str | None:
        """What is wrong with the answers, if anything."""
        self.why = await self._played(self.steps, self._space)
        return self.why

    async def anew(self, steps: list[Step]) -> str | None:
        """The same of fewer operations, in names that nobody has used."""
        return await self._played(steps, next(self._player.fresh))

    async def _played(self, steps: list[Step], space: str) -> str | None:
        said = ""
        for turn in range(_DISTURBED):
            try:
                await self._follow(steps, f"{space}{turn or ''}")
                return self._leaked(steps)
            except Broken as broken:
                return str(broken)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                if not isinstance(error, OmniCloudError) or not error.transient:
                    return said
        # Over a real backend it says something about the moment, as of a machine that is busy.
        return said if self._player.world.virtual else None

    async def _follow(self, steps: list[Step], space: str) -> None:
        player = self._player
        twin = await player.subject.open(player.scene(space))
        until = time.perf_counter() + _REAL_SECONDS
        for step in steps:
            if not player.world.virtual and time.perf_counter() > until:
                break
            if step[0] == "anew":
                await player.seats[step[1]].sit(closing=step[2])
            else:
                await self._take(twin, step)
        await twin.end()

    async def _take(self, twin: Any, step: Step) -> None:
        subject, driver = self._player.subject, self._player.seats[0]
        lacking = subject.lacking(step, driver.features)
        too_long = subject.too_long(step, driver.limits)
        try:
            await twin.take(step)
        except Idle:
            return
        except UnsupportedError:
            if not lacking:
                raise
        except InvalidArgumentError as error:
            if not too_long and subject.over(step, driver.limits, error) is None:
                raise
        else:
            if lacking:
                raise Broken(f"{step[0]} was done, which needs {', '.join(lacking)}")
            if too_long:
                raise Broken(f"{step[0]} was done over {subject.limit}")

    def _leaked(self, steps: list[Step]) -> str | None:
        seats = self._player.seats
        heard = [text for seat in seats for text in seat.told]
        told = " ".join([*heard, *self._player.logged])
        for seat in seats:
            seat.told.clear()
        for canary in set(CANARY.findall(repr(steps))) if told else ():
            if tells(told, canary):
                return "a payload is in an error, a log, a span or the repr of a driver"
        return None


def _with_openings(steps: list[Step], player: _Player, number: int) -> list[Step]:
    """The operations, between some of which a client is opened anew: where that is cheap."""
    if not player.world.virtual:
        return steps
    chance = random.Random(f"{player.seed}/{number}/anew")  # noqa: S311 - cases
    opened: list[Step] = []
    for step in steps:
        if chance.random() < _ANEW:
            opened.append(("anew", chance.randrange(2), chance.random() < 0.5))
        opened.append(step)
    return opened


class _Logged(logging.Handler):
    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(f"{record.getMessage()} {record.args!r} {record.exc_info!r}")


@contextmanager
def logged(wanted: bool) -> Iterator[list[str]]:
    """All that is logged, or told to spans, inside the block; nothing where that is not wanted."""
    texts: list[str] = []
    if not wanted:
        yield texts
        return
    handler, root = _Logged(texts), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with traced(texts.append):
            yield texts
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
