"""Changing the limits of a service's running containers, for the commands that do."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from omnicloud.cli.context import Context
from omnicloud.cloud import OmniCloud
from omnicloud.errors import InvalidArgumentError

if TYPE_CHECKING:
    from omnicloud.contracts.containers import Containers
    from omnicloud.placement.recommend import Advice, Applied, Limited

__all__ = ["applied", "check_memory", "journal_of", "outcomes", "undone"]


def journal_of(service: str | None, said: Path | None) -> Path:
    """Where it is noted what limits were."""
    return said or Path(".omnicloud") / f"limits-{quote(service or '', safe='')}.jsonl"


def check_memory(memory: bool, watch: float | None) -> None:
    """Refuse to change memory where nothing is changed."""
    if memory and watch is None:
        raise InvalidArgumentError("--memory says what --apply changes", hint="give --apply")


async def undone(context: Context, service: str, notes: Path) -> Sequence[Applied]:
    """Take back what a run had changed that was killed."""
    from omnicloud.placement.recommend import LimitJournal, undo

    async with OmniCloud(context.config) as cloud, LimitJournal(notes, service) as journal:
        return await undo(cloud.containers(service), journal)


async def applied(
    context: Context,
    service: str,
    advised: Callable[[Containers, Limited], Awaitable[Sequence[Advice]]],
    watch: float,
    notes: Path,
    *,
    memory: bool,
) -> Sequence[Applied]:
    """Change limits as advised; terminated or interrupted, give them back and end with 1."""
    from omnicloud.placement.recommend import LimitJournal, apply

    kinds: tuple[Limited, ...] = ("cpu", "memory") if memory else ("cpu",)

    task = asyncio.current_task()
    if task is not None:  # a terminated command takes back what it changed, as an interrupted one
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with OmniCloud(context.config) as cloud, LimitJournal(notes, service) as journal:
        containers = cloud.containers(service)
        try:
            advice = {of: await advised(containers, of) for of in kinds}
            done = await asyncio.gather(
                *(
                    apply(containers, advice[of], watch=watch, journal=journal, of=of)
                    for of in kinds
                )
            )
            return [one for several in done for one in several]
        except asyncio.CancelledError:
            raise SystemExit(1) from None


def outcomes(done: Sequence[Applied], none: str = "") -> str:
    """What became of the limits, for a person."""
    lines = (_line(one) for one in done)
    return "\n".join(lines) or none


def _line(one: Applied) -> str:
    from omnicloud.placement.recommend import told

    before, after = told(one.before, one.of), told(one.after, one.of)
    number, unit = before.split(" ")
    before = number if after.endswith(f" {unit}") else before
    return f"{one.workload}: {before} -> {after}, {one.reason}"
