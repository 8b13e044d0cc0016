"""What a contract gives so that any two of its calls can meet: calls, beginnings and a look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError

__all__ = ["Call", "Meeting", "Version", "Versions", "answer_of"]

Pipe = Pipeline[Any]

Call = Callable[[Pipe, str, dict[str, Any]], Awaitable[object]]
"""A call by a client, in names that begin so, knowing what the beginning left."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """The calls of a contract that can meet on the same record.

    Attributes:
        begin: Each makes a state to begin with and answers what calls know of it.
        calls: By name; each does the same wherever it stands.
        look: All that is there, in a form in which equal states are equal but for versions.
        needs: Features without which a call is not tried.
        reads: Calls that change nothing.
        apart: Whether what is done in one room leaves the others alone.
        jumps: States that take a while to make, so that they are begun where time is virtual.
        retried: Calls that may end in a conflict where two meet, without having done anything.
    """

    begin: Mapping[str, Callable[[Pipe, str], Awaitable[dict[str, Any]]]]
    calls: Mapping[str, Call]
    look: Call
    needs: Mapping[str, frozenset[Feature]] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    jumps: frozenset[str] = frozenset()
    retried: frozenset[str] = frozenset()
    apart: bool = True

    def possible(self, features: frozenset[Feature]) -> list[str]:
        """The calls that a provider with these features takes."""
        return [name for name in self.calls if not self.needs.get(name, frozenset()) - features]


class Versions:
    """Versions by the order in which they come up, so that what happened twice looks alike."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def plain(self, value: Any) -> Any:
        """The value with a number in the place of each version, and times made round."""
        if isinstance(value, Version):
            return ("version", self._seen.setdefault(value.text, len(self._seen)))
        if isinstance(value, Mapping):
            return tuple((key, self.plain(value[key])) for key in sorted(value))
        if isinstance(value, list | tuple):
            return tuple(map(self.plain, value))
        return type(value).__name__, value


@dataclass(frozen=True, slots=True)
class Version:
    """A text that is another one each time, as far as only equality matters."""

    text: str


async def answer_of(call: Awaitable[object]) -> object:
    """What a call answers, or the class of its error."""
    try:
        return await call
    except OmniCloudError as error:
        return f"a {type(error).__name__}"
