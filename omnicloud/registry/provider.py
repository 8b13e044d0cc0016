"""What a provider says of itself: frozen data that imports no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module

from omnicloud.core.operation import Feature

__all__ = ["Offer", "Provider", "Status", "load"]


class Status(StrEnum):
    """How far a provider is."""

    STABLE = "stable"
    BETA = "beta"
    ALPHA = "alpha"


@dataclass(frozen=True, slots=True)
class Offer:
    """One contract that a provider serves.

    Attributes:
        opens: ``"module:function"`` of ``async def open_x(config, opening) -> Driver``; the
            module is imported when a service of this kind is opened, not before.
        declares: The features the provider can ever have; the plan compares them with
            ``requires``. A driver's own ``features`` are those or fewer.
    """

    opens: str
    declares: frozenset[Feature]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: its name in configuration, its settings model, and what it serves.

    Attributes:
        name: ``provider = "redis"`` in the configuration.
        config: ``"module:Model"`` of its pydantic settings model (``extra="forbid"``).
        offers: By contract name.
        summary: One line for lists.
        distribution: What to install to get it.
        world: ``"module:function"`` of ``def world(contract: str) -> World``, which gives the
            compatibility kit a fresh backend to try; imported by nothing else.
    """

    name: str
    config: str
    offers: Mapping[str, Offer]
    summary: str = ""
    distribution: str = ""
    status: Status = Status.STABLE
    world: str = ""


def load(where: str) -> object:
    """The attribute at ``"module:attribute"``."""
    module, _, attribute = where.partition(":")
    return getattr(import_module(module), attribute)
