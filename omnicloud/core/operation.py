"""A request is a value that knows its own facts.

Layers read the facts (``name``, ``effect``, ``resource``) and ask the request to rewrite
itself (``scoped``, ``sealed``); they never look at its fields. So a layer is written once for
all contracts.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from omnicloud.core.names import MAX_NAME_BYTES, Scope
from omnicloud.errors import InvalidArgumentError

__all__ = ["NO_FEATURES", "Driver", "Effect", "Feature", "Limits", "Named", "Operation", "Seal"]

R = TypeVar("R")


class Effect(Enum):
    """What sending a request does, and so whether it may be sent again."""

    READ = "read"
    """Changes nothing."""
    IDEMPOTENT = "idempotent"
    """A write whose second time changes nothing more."""
    ONCE = "once"
    """A write that must not be repeated unless the first is known to be not done."""


class Feature(StrEnum):
    """A capability that a driver declares; each contract has its own enum of them."""


NO_FEATURES: frozenset[Feature] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a driver. Each contract adds its own; sizes are in bytes."""

    name_max_bytes: int = 4 * MAX_NAME_BYTES
    """The longest stored name: a user's 1,024 bytes inside a tenant's namespace must fit, so it is
    at least 1,410."""

    def check_stored_name(self, stored: str, what: str) -> None:
        """Refuse a name that the service cannot hold.

        Raises:
            InvalidArgumentError: It names the limit; nothing was sent.
        """
        if len(stored) * 4 > self.name_max_bytes:
            size = len(stored.encode())
            if size > self.name_max_bytes:
                raise InvalidArgumentError(
                    f"stored {what} has {size} bytes, the limit name_max_bytes is "
                    f"{self.name_max_bytes}"
                )


class Driver(Protocol):
    """What every driver of every contract is."""

    @property
    def features(self) -> frozenset[Feature]:
        """What this driver can do, on the server it is connected to."""

    @property
    def limits(self) -> Limits:
        """Its bounds."""

    async def aclose(self) -> None:
        """Close; twice is silent."""


D_contra = TypeVar("D_contra", bound=Driver, contravariant=True)


class Seal(Protocol):
    """Turns payload bytes into bytes that say nothing, and back.

    ``bound_to`` is the stored place of the payload: what was closed for one place does not
    open at another.
    """

    @property
    def overhead(self) -> int:
        """How many bytes longer a closed payload is than an open one."""

    def close(self, payload: bytes, bound_to: str) -> bytes:
        """The sealed form."""

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """The payload.

        Raises:
            CorruptedError: It was changed, moved, or closed with a key that is unknown.
        """


class Operation(Generic[D_contra, R]):
    """A request to a driver ``D`` that is answered with ``R``.

    Subclasses are frozen, slotted dataclasses. They override a method only where the default
    does not hold: the defaults are a read without options, names or payload.
    """

    __slots__ = ()

    name: ClassVar[str]
    """``"contract.verb"``: span name, metric label, audit action, REST path, docs anchor."""

    @property
    def effect(self) -> Effect:
        """What sending it does."""
        return Effect.READ

    @property
    def resource(self) -> str:
        """What it is about, in the caller's own names; empty where it is about no one name."""
        return ""

    @property
    def resources(self) -> tuple[str, ...]:
        """Every name that it is about: what authorization asks for, one by one."""
        return (self.resource,)

    @property
    def waits(self) -> float:
        """Seconds that the service may lawfully take before it answers; a long poll has some.

        Time limits are on top of it, and it takes no turn among the calls in flight.
        """
        return 0.0

    def needs(self) -> frozenset[Feature]:
        """The features that it asks of the driver."""
        return NO_FEATURES

    def check(self, driver: D_contra) -> None:
        """Compare names and payloads with the driver's limits.

        Raises:
            InvalidArgumentError: A limit, which it names, is exceeded; nothing was sent.
        """

    def scoped(self, scope: Scope) -> Self:
        """The same request with its names inside ``scope``."""
        return self

    def unscoped(self, result: R, scope: Scope) -> R:
        """The answer with its names as the caller knows them; foreign names left out."""
        return result

    def sealed(self, seal: Seal) -> Self:
        """The same request with its payload closed, bound to its names.

        Called after :meth:`scoped`.

        Raises:
            UnsupportedError: It needs the service to see the payload (a counter, say).
        """
        return self

    def unsealed(self, result: R, seal: Seal) -> R:
        """The answer with its payload opened. ``self`` is the scoped request."""
        return result

    def run(self, driver: D_contra) -> Awaitable[R]:
        """Send it."""
        raise TypeError(f"{type(self).__name__} does not say how it runs")


@dataclass(frozen=True, slots=True)
class Named(Operation[D_contra, R]):
    """A request about one name, which it holds in the field that ``named`` says."""

    named: ClassVar[str] = "key"

    @property
    def resource(self) -> str:
        held: str = getattr(self, self.named)
        return held

    def check(self, driver: D_contra) -> None:
        driver.limits.check_stored_name(self.resource, self.named)

    def scoped(self, scope: Scope) -> Self:
        held = self.resource
        return self if scope.holds(held) else replace(self, **{self.named: scope.enter(held)})
