"""What a contract gives to be compared: operations to draw, and a model that follows them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from omnicloud.core.operation import NO_FEATURES, Feature, Limits
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, OmniCloudError, UnsupportedError
from omnicloud_tck.check import Broken, refused, that
from omnicloud_tck.differential.draws import Chance
from omnicloud_tck.world import World

__all__ = [
    "Failed",
    "Idle",
    "Scene",
    "Step",
    "Subject",
    "Twin",
    "Verb",
    "drawn_steps",
    "lasting",
    "of",
    "one_of",
    "outcome",
    "refused_or_over",
]

T = TypeVar("T")

Draw = Callable[[Chance], tuple[Any, ...]]

Step = tuple[Any, ...]
"""An operation: its verb, which of the two clients does it, and what else it needs."""

_SAID = re.compile(r"(\d+)\D*the limit (\w+) is (\d+)")
"""What a refusal tells: a size, and the limit that it is over."""
_SLACK = 60.0  # seconds that a run may take between a write and the look at what is left of it


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a twin plays.

    Attributes:
        pipes: Two clients of one provider's world.
        features: What the provider declares.
        world: The provider's, by whose clock time passes.
        space: What all names begin with; nothing else uses it.
    """

    pipes: tuple[Pipeline[Any], Pipeline[Any]]
    features: frozenset[Feature]
    world: World[Any]
    space: str


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
class Verb:
    """A kind of operation: how often it is drawn, with what, and what it needs."""

    weight: float
    draw: Draw
    needs: frozenset[Feature] = NO_FEATURES


@dataclass(frozen=True, slots=True)
class Subject:
    """A contract whose providers can be compared.

    Attributes:
        limit: What the contract calls its limit of a payload.
        grows: Limits over which what is stored may get, though no operation is.
    """

    contract: str
    verbs: Mapping[str, Verb]
    open: Callable[[Scene], Awaitable[Twin]]
    limit: str = "value_max_bytes"
    grows: frozenset[str] = frozenset()

    def too_long(self, step: Step, limits: Limits) -> bool:
        """Whether an operation has a payload over the provider's limit, and is to be refused."""
        most: int | None = getattr(limits, self.limit, None)
        sizes = [len(part) for part in step if isinstance(part, bytes)]
        return most is not None and any(size > most for size in sizes)

    def over(self, step: Step, limits: Limits, error: InvalidArgumentError) -> str | None:
        """The limit by which an operation is rightly refused, if any.

        The error has to name a limit that is declared, as it is declared, and the operation
        has to bring more than it allows.
        """
        said = _SAID.search(str(error))
        if said is None:
            return None
        size, limit, told = int(said[1]), said[2], int(said[3])
        if getattr(limits, limit, None) != told or size <= told:
            return None
        brought = _weight(step) if limit.endswith("_bytes") else _count(step)
        return limit if brought > told or limit in self.grows else None

    def lacking(self, step: Step, features: frozenset[Feature]) -> frozenset[Feature]:
        """The features that an operation needs and that are not declared."""
        return self.verbs[step[0]].needs - features


class Idle(Exception):  # noqa: N818 - no failure
    """An operation was left out, for nobody promises what it would do there."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An operation that ended in an error of exactly this class."""

    error: str


def of(*draws: Callable[[Chance], Any]) -> Draw:
    """Each of these."""
    return lambda chance: tuple(draw(chance) for draw in draws)


def one_of(*choices: Any) -> Callable[[Chance], Any]:
    """One of these values."""
    return lambda chance: chance.choice(choices)


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


def lasting(expected: float | None, got: float | None, about: str) -> None:
    """Break unless what is left of a life is a little less than what it was given."""
    if expected is None:
        that(got is None, f"{about}: expected to live for ever, got {got} s")
    else:
        good = got is not None and expected - _SLACK < got <= expected
        that(good, f"{about}: expected at most {expected} s to live, got {got}")


def drawn_steps(subject: Subject, seed: int, number: int, length: int) -> list[Step]:
    """The operations that this seed and number always give.

    Every other list has only some of the verbs, which meet the more often: Groce et al.,
    "Swarm testing" (ISSTA 2012).
    """
    chance = Chance(f"{seed}/{subject.contract}/{number}")
    verbs = sorted(subject.verbs)
    if number % 2:
        verbs = sorted(chance.sample(verbs, chance.randint(min(3, len(verbs)), len(verbs))))
    weights = [subject.verbs[verb].weight for verb in verbs]
    return [
        (verb, chance.randrange(2), *subject.verbs[verb].draw(chance))
        for verb in chance.choices(verbs, weights, k=length)
    ]
