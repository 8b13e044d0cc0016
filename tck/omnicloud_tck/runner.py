"""Tries laws on worlds: each law in an event loop and a world of its own, within a bound."""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from omnicloud.core.operation import Feature
from omnicloud.testing.virtual import VirtualTimeLoop
from omnicloud_tck.check import Broken, Undecided
from omnicloud_tck.contract import Contract
from omnicloud_tck.hanging import STUCK_SECONDS, Stuck, alarmed, in_loop
from omnicloud_tck.law import Ability, Law, laws_of
from omnicloud_tck.machine import LAW_SECONDS, Lab, bounded
from omnicloud_tck.world import NotOffered, World

__all__ = ["LAW_SECONDS", "Lab", "Result", "Verdict", "given_up", "try_all", "try_law"]

MakeWorld = Callable[[], World[Any]]

_STOOD_STILL = "it did not end, and its event loop stood still: a call blocks, or never awaits"
_NATIVE = 300  # characters of an error that is not of the kit; its own are bounded where made


class Verdict(StrEnum):
    """How a law came out."""

    HELD = "held"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"
    """A feature it needs is not declared."""
    NOT_TRIED = "not tried"
    """The world cannot do what it needs. Never counted as held."""


@dataclass(frozen=True, slots=True)
class Result:
    """A law and how it came out.

    Attributes:
        reason: Why it was broken or not tried; empty otherwise.
        seconds: Real seconds it took.
        seed: With which it repeats.
        missing: For one that was not tried, what the world should have been able to do.
    """

    law: Law
    verdict: Verdict
    reason: str
    seconds: float
    seed: int
    detail: str = ""
    missing: frozenset[Ability] = frozenset()


def try_law(
    contract: Contract, made: Law, make_world: MakeWorld, *, seed: int = 0, examples: int = 40
) -> Result:
    """Try one law in a fresh world."""
    started = time.perf_counter()
    world = make_world()
    factory = VirtualTimeLoop if world.virtual else None
    contract.seed = seed
    verdict, reason, detail = Verdict.BROKEN, _STOOD_STILL, ""
    with contextlib.suppress(Stuck), alarmed(), in_loop(factory) as runner:
        verdict, reason, detail = _outcome(
            contract, made, Lab(runner, world, seed=seed, examples=examples), runner
        )
        if verdict is not Verdict.HELD:
            _put_away(world, runner)
    seconds = time.perf_counter() - started
    missing = _missing(made, world) if verdict is Verdict.NOT_TRIED else frozenset()
    return Result(made, verdict, reason, seconds, seed, detail, missing)


def _put_away(world: World[Any], runner: asyncio.Runner) -> None:
    """Close what a law left open: a server, say. How it came out is known already."""
    with contextlib.suppress(Exception, asyncio.CancelledError, Stuck, SystemExit):
        runner.run(bounded(world.aclose()))


def _outcome(
    contract: Contract, made: Law, lab: Lab, runner: asyncio.Runner
) -> tuple[Verdict, str, str]:
    seconds = made.patience if lab.world.virtual else LAW_SECONDS
    try:
        excuse = runner.run(bounded(_excuse(made, lab.world)))
        if excuse is not None:
            return excuse
        trial = getattr(contract, made.name)
        if made.machine:
            trial(lab)
        else:
            runner.run(bounded(trial(lab.world), seconds))
        runner.run(bounded(lab.world.aclose()))
    except NotOffered as word:
        return Verdict.NOT_TRIED, f"the world does not offer {word}", ""
    except Undecided as word:
        return Verdict.NOT_TRIED, f"undecided: {word}", ""
    except pytest.skip.Exception as word:
        return Verdict.BROKEN, f"it was skipped from inside: {word}", traceback.format_exc()
    except BaseExceptionGroup as several:  # what a group of tasks makes of a skip
        if several.subgroup(KeyboardInterrupt) is not None:
            raise
        return Verdict.BROKEN, _said(several), traceback.format_exc()
    except Stuck:
        return Verdict.BROKEN, _STOOD_STILL, traceback.format_exc()
    except TimeoutError:
        return Verdict.BROKEN, f"it had not ended after {seconds:.0f} s", traceback.format_exc()
    except asyncio.CancelledError:
        return Verdict.BROKEN, "it was cancelled from inside", traceback.format_exc()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Verdict.BROKEN, _said(error), traceback.format_exc()
    return Verdict.HELD, "", ""


async def _excuse(made: Law, world: World[Any]) -> tuple[Verdict, str, str] | None:
    if made.needs:
        missing = made.needs - await _features(world)
        if missing:
            return Verdict.NOT_APPLICABLE, f"not declared: {', '.join(sorted(missing))}", ""
    for ability in sorted(made.abilities & world.cannot_happen.keys()):
        return Verdict.NOT_TRIED, f"{ability}: {world.cannot_happen[ability]}", ""
    unable = _missing(made, world)
    if unable:
        names = ", ".join(sorted(unable))
        return Verdict.NOT_TRIED, f"the world does not offer {names}", ""
    return None


def _missing(made: Law, world: World[Any]) -> frozenset[Ability]:
    return (made.abilities - world.abilities) | (made.abilities & world.cannot_happen.keys())


async def _features(world: World[Any]) -> frozenset[Feature]:
    features: frozenset[Feature] = (await world.driver()).features
    return features


def _said(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    if not isinstance(error, Broken):
        kind = type(error).__name__
        return f"{kind}: {text[0][:_NATIVE]}" if text else kind
    return f"{Broken.__name__}: {text[0]}" if text else Broken.__name__


def given_up(made: Law, *, seed: int = 0) -> Result:
    """What comes of a law whose thread stands still."""
    return Result(made, Verdict.BROKEN, _STOOD_STILL, STUCK_SECONDS, seed)


def try_all(
    contract: Contract,
    make_world: MakeWorld,
    *,
    seed: int = 0,
    examples: int = 40,
    only: Iterable[Law] | None = None,
) -> Iterator[Result]:
    """Try all laws of a contract, one after another, telling each result as it comes."""
    for made in only if only is not None else laws_of(type(contract)):
        yield try_law(contract, made, make_world, seed=seed, examples=examples)
