"""What follows one client after another beside a model that changes with each call."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, TypeVar

from omnicloud.core.operation import NO_FEATURES, Limits
from omnicloud.errors import InvalidArgumentError, OmniCloudError, UnsupportedError
from omnicloud_tck.check import Broken, refused
from omnicloud_tck.law import Ability
from omnicloud_tck.programs.cast import Manner, Program, Scene, Step
from omnicloud_tck.programs.chances import ALIKE, Verb
from omnicloud_tck.programs.circumstances import CROWD, beginning, crowded_by, length_of, paused
from omnicloud_tck.programs.draws import few
from omnicloud_tck.programs.model import Failed
from omnicloud_tck.programs.scenes import Meeting
from omnicloud_tck.world import World

__all__ = ["Idle", "Twin", "Twins", "outcome", "refused_or_over"]

T = TypeVar("T")

_CANARY = re.compile(r"cnry-[0-9a-f]{10}")
"""What stands in payloads that nobody may tell."""
_LENGTH = 40  # operations of a program
_LONG = 240  # of the first, by clients that have done much
_REAL_TENANTS = 2  # of those that play at once
_ANEW = 0.03  # share of the operations before which a client is opened anew
_STEPPED = 0.1  # share of the operations before which the wall clock is set
_SAID = re.compile(r"(\d+)\D*the limit (\w+) is (\d+)")
"""What a refusal tells: a size, and the limit that it is over."""


class Twin(Protocol):
    """A provider's clients beside a plain model, taken through the same operations."""

    async def take(self, step: Step) -> None:
        """Do an operation on both.

        Raises:
            Broken: The provider answered otherwise than the model.
            Idle: It was done on neither.
            UnsupportedError: The provider refused it; the model did not do it either.
        """

    async def end(self) -> None:
        """Compare all that is there, and take it away."""


@dataclass(frozen=True, slots=True)
class Twins:
    """A contract whose providers are followed by twins: both its subject and its cast.

    Attributes:
        opened: Gives the twin of a scene.
        limit: What the contract calls its limit of a payload.
        grows: Limits over which what is stored may get, though no operation is.
        tenants: How many play at once.
        legion: The call by which very many names come into use.
        long: Operations of the longest program.
        stepped: Whether no answer tells of the wall clock, which may be set meanwhile.
    """

    contract: str
    verbs: Mapping[str, Verb]
    opened: Callable[[Scene], Twin]
    limit: str = "value_max_bytes"
    grows: frozenset[str] = frozenset()
    meeting: Meeting | None = None
    tenants: int = 4
    lasting: bool = True
    legion: Step | None = None
    long: int = _LONG
    stepped: bool = False

    def cast(self, world: World[Any], driver: Any) -> Self:
        return self

    def too_long(self, call: Step, limits: Limits) -> bool:
        """Whether a call has a payload over the provider's limit, and is to be refused."""
        most: int | None = getattr(limits, self.limit, None)
        sizes = [len(part) for part in call if isinstance(part, bytes)]
        return most is not None and any(size > most for size in sizes)

    def over(self, call: Step, limits: Limits, error: InvalidArgumentError) -> str | None:
        """The limit by which a call is rightly refused, if any.

        The error has to name a limit that is declared, as it is declared, and the call has to
        bring more than it allows.
        """
        said = _SAID.search(str(error))
        if said is None:
            return None
        size, limit, told = int(said[1]), said[2], int(said[3])
        if getattr(limits, limit, None) != told or size <= told:
            return None
        brought = _weight(call) if limit.endswith("_bytes") else _count(call)
        return limit if brought > told or limit in self.grows else None

    # What the player asks for

    def alone(self, seed: int, number: int, manner: Manner, length: int) -> Program:
        """The program that this seed and number always give, on every provider.

        Every other one has only some of the verbs, which meet the more often: Groce et al.,
        "Swarm testing" (ISSTA 2012).
        """
        chance = few(f"{seed}/{self.contract}/{number}")
        verbs = sorted(self.verbs)
        if number % 2:
            verbs = sorted(chance.sample(verbs, chance.randint(min(3, len(verbs)), len(verbs))))
        weights = [self.verbs[verb].weight for verb in verbs]
        steps: list[Step] = []
        for verb in chance.choices(verbs, weights, k=length):
            client = chance.randrange(2)
            steps.append(("do", (0, client), (verb, *self.verbs[verb].draw(chance))))
        canaries = sorted(set(_CANARY.findall(repr(steps))))
        return Program((None,), tuple(steps), tuple(one.encode() for one in canaries))

    def at_once(self, seed: int, number: int, manner: Manner) -> list[Program]:
        """A program of each of several tenants, two of whom are much alike, in the same names."""
        chance = random.Random(f"{seed}/{number}/tenants")  # noqa: S311 - cases
        count = self.tenants if manner.virtual else min(self.tenants, _REAL_TENANTS)
        tenants = [None, *chance.choice(ALIKE), "someone else"][:count]
        if manner.virtual and number == 1 and count > 1:
            tenants += [f"one of many {place}" for place in range(count, CROWD)]
        return [
            replace(
                self._placed(seed, number, place, number * count + place, manner),
                tenants=(tenant,),
            )
            for place, tenant in enumerate(tenants)
        ]

    def _placed(self, seed: int, number: int, place: int, which: int, manner: Manner) -> Program:
        """The program of one of those that play at once, with what surrounds it."""
        length = length_of(number, place, _LENGTH, self.long) if manner.virtual else _LENGTH
        program = self.alone(seed, which, manner, length)
        program = replace(program, space=beginning(number, place))
        if not manner.virtual:
            return program
        program = replace(program, steps=_reopening(program.steps, f"{seed}/{which}/anew"))
        if self.stepped and Ability.STEP_WALL in manner.abilities and not number % 3:
            program = replace(program, steps=_stepping(program.steps, f"{seed}/{which}/wall"))
        if self.legion is not None and (number, place) == (2, 1):
            return crowded_by(program, self.legion)
        return paused(program, f"{seed}/{which}/paused", number)

    async def open(self, scene: Scene) -> tuple[Twin, Scene]:
        return self.opened(scene), scene

    async def take(
        self, placed: tuple[Twin, Scene], way: str, client: int, *what: Any
    ) -> Iterable[str]:
        (twin, scene), ((verb, *given),) = placed, what
        call, limits = (verb, client, *given), scene.pipes[0].driver.limits
        needs = self.verbs[verb].needs if verb in self.verbs else NO_FEATURES
        lacking = needs - scene.features
        too_long = self.too_long(call, limits)
        try:
            await twin.take(call)
        except Idle:
            return ()
        except UnsupportedError:
            if not lacking:
                raise
            return map(str, lacking)
        except InvalidArgumentError as error:
            over = self.over(call, limits, error)
            if not too_long and over is None:
                raise
            return (over or self.limit,)
        if lacking:
            raise Broken(f"{verb} was done, which needs {', '.join(lacking)}")
        if too_long:
            raise Broken(f"{verb} was done over {self.limit}")
        return ()

    async def end(self, placed: tuple[Twin, Scene], client: int) -> None:
        await placed[0].end()


def _reopening(steps: tuple[Step, ...], seed: str) -> tuple[Step, ...]:
    """The steps, between some of which a client is opened anew."""
    chance = random.Random(seed)  # noqa: S311 - cases
    opened: list[Step] = []
    for step in steps:
        if chance.random() < _ANEW:
            opened.append(("reopen", chance.randrange(2), chance.random() < 0.5))
        opened.append(step)
    return tuple(opened)


def _stepping(steps: tuple[Step, ...], seed: str) -> tuple[Step, ...]:
    """The steps, between some of which the wall clock is set."""
    chance = random.Random(seed)  # noqa: S311 - cases
    stepped: list[Step] = []
    for step in steps:
        if chance.random() < _STEPPED:
            stepped.append(("wall", chance.choice((7200.0, -7200.0, -1.0))))
        stepped.append(step)
    return tuple(stepped)


class Idle(Exception):  # noqa: N818 - no failure
    """An operation was left out, for nobody promises what it would do there."""


def _weight(part: Any) -> int:
    """Bytes of all texts and contents in it."""
    match part:
        case str():
            return len(part.encode(errors="surrogatepass"))
        case bytes():
            return len(part)
        case Mapping():
            return sum(_weight(name) + _weight(value) for name, value in part.items())
        case Sequence():
            return sum(map(_weight, part))
    return 0


def _count(part: Any) -> int:
    """The largest number in it, or of things in one list of it."""
    match part:
        case int():
            return part
        case Mapping():
            return max((len(part), *map(_count, part.values())))
        case Sequence() if not isinstance(part, str | bytes):
            return max((len(part), *map(_count, part)))
    return 0


@contextmanager
def refused_or_over(error: type[Exception], about: str) -> Iterator[None]:
    """Break the law unless the block raises this; a refusal before it was sent is raised.

    Of two reasons to refuse either may be told.
    """
    try:
        with refused(error, about):
            yield
    except Broken as broken:
        early = broken.__cause__
        if isinstance(early, UnsupportedError | InvalidArgumentError):
            raise early from None
        raise


async def outcome(call: Awaitable[T]) -> T | Failed:
    """The answer of a call, or the class of its error; refusals before it was sent are raised.

    So is an error that may not come back: it says something about the moment.
    """
    try:
        return await call
    except OmniCloudError as error:
        if error.transient or isinstance(error, UnsupportedError | InvalidArgumentError):
            raise
        return Failed(type(error).__name__)
