"""What is done about one circuit, with every verb: a row, a window, trials, and a reset."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.breaker import CircuitSettings
from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.models import Reading
from omnicloud.core.circuit import Permit, Verdict
from omnicloud_tck.general.echoes import Stay, Story

__all__ = ["STORY"]

_LONG = 3600.0
_WAITING = CircuitSettings(4, _LONG, 0.6, None, 1.0, _LONG, 5, _LONG)
_TRYING = CircuitSettings(4, 1e-6, 0.6, None, 1.0, _LONG, 5, _LONG)


def _seen(stay: Stay, reading: Reading) -> object:
    """Without what a provider makes up: where its generations begin, and moments."""
    first = stay.mind.setdefault("first", reading.generation)
    waits = reading.retry_after > _LONG / 2
    return reading.state, reading.failures, reading.generation - first, waits


def _admit(ticket: str, settings: CircuitSettings = _WAITING) -> Any:
    async def admit(stay: Stay) -> object:
        answer = await stay.ask(Admit(stay.name, settings, ticket))
        if answer.permit is not None:
            stay.mind[ticket] = answer.permit
        told = _seen(stay, answer.reading)
        return None if answer.permit is None else answer.permit.trial, told

    return admit


def _report(ticket: str, verdict: Verdict, settings: CircuitSettings = _WAITING) -> Any:
    async def report(stay: Stay) -> object:
        permit = stay.mind.get(ticket) or Permit(stay.mind["trial"].generation, ticket)
        return _seen(stay, await stay.ask(Report(stay.name, settings, permit, verdict, 0.1)))

    return report


async def _look(stay: Stay) -> object:
    return _seen(stay, await stay.ask(Look(stay.name, _WAITING)))


async def _reset(stay: Stay) -> object:
    return _seen(stay, await stay.ask(Reset(stay.name, _WAITING)))


async def _rest(stay: Stay) -> object:
    await stay.world.sleep(0.001)
    return None


_OK, _BAD, _NONE = Verdict.SUCCESS, Verdict.FAILURE, Verdict.NEUTRAL

STORY: Story = (
    _reset,  # it is there from now on
    _admit("call"),
    _report("call", _OK),
    _report("call", _BAD),
    _report("call", _BAD),
    _report("call", _OK),
    _look,
    _report("call", _BAD),  # three of five are more than enough
    _admit("refused"),
    _rest,
    _admit("trial", _TRYING),
    _admit("other", _TRYING),
    _report("stranger", _OK, _TRYING),
    _report("stranger", _NONE, _TRYING),
    _admit("trial", _TRYING),
    _report("trial", _NONE, _TRYING),
    _report("trial", _OK, _TRYING),  # it was given up
    _admit("other", _TRYING),
    _report("trial", _BAD, _TRYING),
    _report("other", _BAD),
    _look,
    _rest,
    _admit("another", _TRYING),
    _reset,
    _report("another", _BAD),
    _admit("call"),
    _report("call", _BAD),
    _look,
    _reset,
)
