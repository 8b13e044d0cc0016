"""Where laws that draw random cases run them, seeded and shrunk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings

from omnicloud_tck.hanging import settled
from omnicloud_tck.world import World

__all__ = ["LAW_SECONDS", "Lab", "bounded", "drawn"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., None])

LAW_SECONDS = 60.0
"""Seconds, on the world's own clock, after which a law that has not come to an end is broken."""


async def bounded(main: Coroutine[Any, Any, T], seconds: float = LAW_SECONDS) -> T:
    """Run a part of a law within its bound."""
    return await settled(main, seconds)


class Lab:
    """Plain code outside, coroutines inside: what a law that draws its own cases is given."""

    def __init__(
        self, runner: asyncio.Runner, world: World[Any], *, seed: int, examples: int
    ) -> None:
        self._runner = runner
        self.world = world
        self.seed = seed
        self.examples = examples

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the law's loop, bounded."""
        return self._runner.run(bounded(main))


def drawn(lab: Lab) -> Callable[[F], F]:
    """Make a Hypothesis test repeat with the lab's seed and draw its number of examples."""

    def configured(test: F) -> F:
        with_settings: F = settings(
            max_examples=lab.examples,
            deadline=None,
            database=None,
            print_blob=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )(test)
        seeded: F = seed(lab.seed)(with_settings)
        return seeded

    return configured
