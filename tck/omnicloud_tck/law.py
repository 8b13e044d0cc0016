"""A law: one clause that every provider keeps, with an id, a level and the code that tries it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from omnicloud.core.operation import Feature

__all__ = ["Ability", "Law", "Level", "Rung", "law", "laws_of"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__omnicloud_law__"

PATIENCE = 600.0
"""Seconds of virtual time: what hangs, hangs for ever; who is slow has many calls to answer."""


class Level(StrEnum):
    """How much a law weighs."""

    MUST = "MUST"
    """A provider that breaks it, or on which it could not be tried, has no certificate."""
    SHOULD = "SHOULD"
    """A break is written into the certificate."""


class Rung(StrEnum):
    """How far up a certificate reaches; each rung stands on all before it.

    The tiers of the broken drivers, T0 to T4, are the same five steps.
    """

    SHAPE = "shape"
    """Types, absence, refusals: what the first hour with a provider would show."""
    SEMANTICS = "semantics"
    """Values and edges, by one caller after another."""
    CONCURRENCY = "concurrency"
    """Several clients and tasks at once, and cancelled calls."""
    RESILIENCE = "resilience"
    """Outages, crashes, restarts, dead peers, clocks that step, leaks."""
    TRUST = "trust"
    """Tenants, sealed payloads, injection, secrets and payloads told nowhere."""


class Ability(StrEnum):
    """What a world may be able to do with its backend."""

    RESTART = "restart"
    """Kill the backend as ``kill -9`` would and bring it back with what it had stored."""
    OUTAGE = "outage"
    """Make the backend unreachable for a while."""
    VIRTUAL_TIME = "virtual_time"
    """Waiting costs nothing."""
    STEP_WALL = "step_wall"
    """Move the wall clock that the provider reads."""
    PARTITION = "partition"
    """Let everything said to and by the backend vanish, with connections left up."""
    SLOW = "slow"
    """Hold back everything said to and by the backend."""
    CUT = "cut"
    """Reset connections in the middle of the backend's answers."""


@dataclass(frozen=True, slots=True)
class Law:
    """One clause and how it is tried.

    Attributes:
        id: ``"KV-012"``; never used again for another clause.
        clause: What is promised, in one sentence.
        level: MUST or SHOULD.
        needs: Features without which it does not apply.
        abilities: What the world must be able to do; where it cannot, the law is *not tried*,
            which is written down and, for a MUST, costs the certificate.
        machine: Whether it draws random cases itself and is called with a lab, in plain
            (not async) code.
        alone: Whether it measures the whole process, or floods what others stand in, and so
            runs beside no other law.
        name: Of the method that tries it.
        rung: Which rung of a certificate asks for it.
        patience: Seconds after which it counts as hung in a world of virtual time; one that
            lets days pass says so.
    """

    id: str
    clause: str
    level: Level
    needs: frozenset[Feature]
    abilities: frozenset[Ability]
    machine: bool
    alone: bool
    name: str
    rung: Rung
    patience: float = PATIENCE


def law(
    id_: str,
    clause: str,
    *,
    level: Level = Level.MUST,
    needs: Iterable[Feature] = (),
    abilities: Iterable[Ability] = (),
    machine: bool = False,
    alone: bool = False,
    rung: Rung | None = None,
    patience: float = PATIENCE,
) -> Callable[[F], F]:
    """Mark a method of a contract's class as the trial of a law.

    Without ``rung`` a law that hurts the backend is of RESILIENCE, any other of SEMANTICS.
    """
    hurts = frozenset(abilities)

    def mark(method: F) -> F:
        made = Law(
            id_,
            clause,
            level,
            frozenset(needs),
            hurts,
            machine,
            alone,
            method.__name__,
            rung or (Rung.RESILIENCE if hurts else Rung.SEMANTICS),
            patience,
        )
        setattr(method, _MARK, made)
        return method

    return mark


def laws_of(contract: type) -> tuple[Law, ...]:
    """The laws of a contract's class, its general ones included, by id.

    Raises:
        TypeError: Two laws share an id, or a subclass bends one: it overrides the method of a
            law without being a law itself.
    """
    found: dict[str, Law] = {}
    for name in dir(contract):
        made = getattr(getattr(contract, name, None), _MARK, None)
        if isinstance(made, Law):
            if made.id in found:
                raise TypeError(f"{contract.__name__} has two laws {made.id}")
            found[made.id] = made
        else:
            _refuse_bent(contract, name)
    return tuple(found[id_] for id_ in sorted(found))


def _refuse_bent(contract: type, name: str) -> None:
    for base in contract.__mro__[1:]:
        made = getattr(base.__dict__.get(name), _MARK, None)
        if isinstance(made, Law):
            raise TypeError(
                f"{contract.__name__}.{name} bends law {made.id} of {base.__name__}: laws are "
                f"kept or reported as broken, not overridden"
            )
