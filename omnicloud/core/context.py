"""What surrounds a call: who asks, for whom, until when. Read once at the door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from omnicloud.core.arguments import check_names
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.names import Scope, check_name
from omnicloud.errors import InvalidArgumentError

__all__ = ["Ambient", "ServiceInfo", "acting_as", "current", "deadline", "no_deadline", "tenant"]


@dataclass(frozen=True, slots=True)
class Ambient:
    """The caller's circumstances. Closed: nothing is ever stuffed in."""

    tenant: str | None = None
    principal: str | None = None
    groups: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)
    deadline: float | None = None
    """Monotonic seconds at which the caller's budget is spent."""


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """Which service a call goes to, as the configuration names it."""

    name: str = ""
    contract: str = ""
    provider: str = ""
    region: str | None = None


_NOTHING = Ambient()
_ambient: ContextVar[Ambient] = ContextVar("omnicloud_ambient", default=_NOTHING)


def current() -> Ambient:
    """The circumstances of the running task."""
    return _ambient.get()


@contextmanager
def _changed(ambient: Ambient) -> Iterator[None]:
    token = _ambient.set(ambient)
    try:
        yield
    finally:
        _ambient.reset(token)


@contextmanager
def tenant(name: str | None) -> Iterator[None]:
    """Make every call inside the block a call for this tenant (``None``: for none).

    Raises:
        InvalidArgumentError: The name is empty or too long.
    """
    Scope.of(name)
    with _changed(replace(_ambient.get(), tenant=name)):
        yield


@contextmanager
def acting_as(
    principal: str, *, groups: Iterable[str] = (), tags: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Make every call inside the block a call by this principal (``"user:alice"``).

    Raises:
        InvalidArgumentError: The principal or a group is no name, ``groups`` is one text instead
            of a collection, or ``tags`` is no mapping of texts.
    """
    check_name(principal, "principal")
    acting = replace(
        _ambient.get(),
        principal=principal,
        groups=frozenset(check_names(groups, "group")),
        tags=_checked_tags(tags),
    )
    with _changed(acting):
        yield


def _checked_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    given = {} if tags is None else tags
    if isinstance(given, Mapping):
        known = dict(given)
        if all(isinstance(one, str) for pair in known.items() for one in pair):
            return known
    raise InvalidArgumentError("tags must be a mapping of text to text")


@contextmanager
def deadline(budget: Seconds, *, clock: Clock = SYSTEM_CLOCK) -> Iterator[None]:
    """Give all calls inside the block one budget together; an outer, earlier one stays.

    A call that runs past it raises :class:`~omnicloud.errors.DeadlineExceededError`.
    """
    until = clock.monotonic() + positive(budget, "budget")
    outer = _ambient.get()
    if outer.deadline is not None:
        until = min(until, outer.deadline)
    with _changed(replace(outer, deadline=until)):
        yield


@contextmanager
def no_deadline() -> Iterator[None]:
    """Leave the caller's budget behind, for what must be put in order after it is spent."""
    with _changed(replace(_ambient.get(), deadline=None)):
        yield
