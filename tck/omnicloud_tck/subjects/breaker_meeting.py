"""Admissions, reports, resets and looks that meet on one circuit."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.breaker import CircuitSettings
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Reading
from omnicloud.core.circuit import Verdict
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe

__all__ = ["BREAKER_MEETING"]

_TWO = CircuitSettings(
    2, 300.0, failure_rate=0.5, slow_rate=0.9, minimum_calls=5, trial_seconds=300.0
)
_HALF = CircuitSettings(
    2, 30.0, failure_rate=0.5, slow_rate=0.9, minimum_calls=5, trial_seconds=300.0
)


async def _closed(pipe: Pipe, space: str) -> dict[str, Any]:
    permits = [(await pipe.send(Admit(space, _TWO, f"early {n}"))).permit for n in range(3)]
    return {"settings": _TWO, "permit": permits[0], "other": permits[1], "third": permits[2]}


async def _failed_once(pipe: Pipe, space: str) -> dict[str, Any]:
    known = await _closed(pipe, space)
    await pipe.send(Report(space, _TWO, known["third"], Verdict.FAILURE, 0.1))
    return known


async def _open(pipe: Pipe, space: str) -> dict[str, Any]:
    known = await _failed_once(pipe, space)
    late = (await pipe.send(Admit(space, _TWO, "late"))).permit
    await pipe.send(Report(space, _TWO, known["permit"], Verdict.FAILURE, 0.1))
    return {**known, "permit": late}


async def _half_open(pipe: Pipe, space: str) -> dict[str, Any]:
    known = await _open(pipe, space)
    await asyncio.sleep(31.0)
    return {**known, "settings": _HALF}


async def _trying(pipe: Pipe, space: str) -> dict[str, Any]:
    known = await _half_open(pipe, space)
    trial = (await pipe.send(Admit(space, _HALF, "trial"))).permit
    return {**known, "permit": trial}


def _told(reading: Reading) -> object:
    waits = "long" if reading.retry_after > 1.0 else bool(reading.retry_after)
    return reading.state.value, reading.failures, waits, reading.generation


def _admit(ticket: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        admission = await pipe.send(Admit(space, known["settings"], ticket))
        permit = admission.permit
        return None if permit is None else tuple(permit), _told(admission.reading)

    return call


def _report(verdict: Verdict, which: str = "permit", took: float = 0.1) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        op = Report(space, known["settings"], known[which], verdict, took)
        return _told(await pipe.send(op))

    return call


async def _reset(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return _told(await pipe.send(Reset(space, known["settings"])))


async def _read(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return _told(await pipe.send(Look(space, known["settings"])))


async def _look(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    """The reading; and, as it is not told, whether a further call is let pass, and one failure
    opens."""
    reading = await _read(pipe, space, known)
    admitted = await _admit("look")(pipe, space, known)
    return reading, admitted


BREAKER_MEETING = Meeting(
    {
        "a closed circuit": _closed,
        "a circuit with a failure": _failed_once,
        "an open circuit": _open,
        "a half-open circuit": _half_open,
        "a circuit under trial": _trying,
    },
    {
        "a question": _admit("one"),
        "another question": _admit("two"),
        "the question of the trial again": _admit("trial"),
        "a success": _report(Verdict.SUCCESS),
        "a failure": _report(Verdict.FAILURE),
        "another failure": _report(Verdict.FAILURE, "other"),
        "a slow success": _report(Verdict.SUCCESS, "other", 5.0),
        "a mistake of the caller": _report(Verdict.ANSWERED),
        "a cancelled call": _report(Verdict.NEUTRAL),
        "a reset": _reset,
        "a look": _read,
    },
    _look,
    reads=frozenset({"a look"}),
    jumps=frozenset({"a half-open circuit", "a circuit under trial"}),
)
