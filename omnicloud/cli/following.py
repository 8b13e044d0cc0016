"""``omnicloud recommend --follow``: limits that follow what containers use, until interrupted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from omnicloud.cli.context import Context
from omnicloud.cloud import OmniCloud

if TYPE_CHECKING:
    from omnicloud.placement.recommend import Followed

__all__ = ["followed", "summary"]


async def followed(
    context: Context, service: str, cores: float, step: float, seconds: float | None, notes: Path
) -> Followed:
    """Steer until a signal to end comes, or so many seconds are over; then limits are given back.

    What an earlier run left in the journal is taken over, and given back by this one.
    """
    from omnicloud.placement.recommend import LimitJournal, Steering, follow

    rules = Steering(capacity=cores, interval=step, past=30.0 * step)
    stop = _stopped_by_signals()
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stop.set)
    async with OmniCloud(context.config) as cloud, LimitJournal(notes, service) as journal:
        return await follow(cloud.containers(service), rules, journal, stop, told=_tell)


def summary(done: Followed) -> str:
    """What was done, for a person."""
    words = f"{done.steps} steps, {done.changes} limits changed and given back"
    return words + (f"; the engine did not answer {done.failed} times" if done.failed else "")


def _stopped_by_signals() -> asyncio.Event:
    """Set by the first signal to end; the second one interrupts as it would otherwise."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    return stop


def _tell(limits: Mapping[str, float]) -> None:
    """Progress, beside the answer."""
    for name, cores in sorted(limits.items()):
        click.echo(f"{name}: {cores:.3g} cores", err=True)
