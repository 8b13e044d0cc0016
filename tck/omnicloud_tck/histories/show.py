"""Shows a counter-example to people: a lane for each client, and why no order explains it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from omnicloud_tck.histories.events import Call, Fate
from omnicloud_tck.histories.subjects import Finding

__all__ = ["shown"]

_LONGEST = 60


def shown(finding: Finding) -> str:
    """The finding in lines: why, the lanes, the notes.

    Each call has its beginning and end, counted in beginnings and ends; calls whose spans
    overlap ran at once.
    """
    return "\n".join([*lanes(finding.calls), *(f"  {note}" for note in finding.notes)])


def lanes(calls: Sequence[Call]) -> list[str]:
    """One block of lines for each client."""
    mine: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        mine[call.client].append(call)
    return [line for client in sorted(mine) for line in _lane(client, mine[client])]


def _lane(client: int, calls: list[Call]) -> list[str]:
    name = f"client {'ABCDEFGH'[client]}"
    return [
        f"  {name if place == 0 else '':8} | {_span(call):>9} {call.action} → {_answer(call)}"
        for place, call in enumerate(calls)
    ]


def _span(call: Call) -> str:
    return f"[{call.begun}-{'…' if call.ended is None else call.ended}]"


def _answer(call: Call) -> str:
    text = call.answer()
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    return f"{text} (no effect)" if call.fate is Fate.NOT_DONE else text
