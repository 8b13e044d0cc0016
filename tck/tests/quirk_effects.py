"""What a driver does wrong when it is odd: the request, the answer, the error or the moment."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from omnicloud.core.operation import Effect as Doing
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    OmniCloudError,
    Outcome,
    ThrottledError,
    UnavailableError,
)
from quirk_triggers import Seen, optional
from quirk_tweaks import Tweak, every_tweak, tweaked

__all__ = ["Effect", "effects_of", "would"]

Ask = Callable[[Any], Awaitable[Any]]
Fired = Callable[[], None]
Effect = Callable[[Ask, Seen, Fired], Coroutine[Any, Any, Any]]
_ERRORS = (ConflictError, NotFoundError, AlreadyExistsError, InvalidArgumentError, ThrottledError)
_LAWFUL: dict[str, tuple[str, ...]] = {
    "containers.events": ("ignores wait", "takes wait one less", "takes wait whole"),
    "containers.logs": ("ignores wait", "takes wait one less", "takes wait whole"),
    "containers.import_image": ("ignores wait", "takes wait "),
    "kv.changes": ("ignores wait",),
    "objects.put": ("ignores checksum",),
    "objects.upload_part": ("ignores checksum", "ignores last"),
    "objects.complete_upload": ("ignores checksum",),
}
"""How effects begin that a contract allows: who may wait at most so long may answer earlier."""


def effects_of(op: type, doing: Doing, places: list[str], answers: list[str]) -> dict[str, Effect]:
    """All that may go wrong with a request.

    Args:
        op: Its class.
        doing: What sending it does.
        places: Where its values are.
        answers: Where those of its answers are.
    """
    found: dict[str, Effect] = {}
    for option, default in optional(op).items():
        ignores = _heedless if option.startswith("if_") else _asks
        found[f"ignores {option}"] = ignores(
            lambda one, o=option, d=default: replace(one, **{o: d})
        )
    for where in places:
        for what in dict.fromkeys(every_tweak()):
            found[f"takes {where} {what}"] = _asks(lambda one, w=where, t=what: tweaked(one, w, t))
    for where in answers:
        for what in dict.fromkeys(every_tweak()):
            found[f"answers {where or 'that'} {what}"] = _answers(
                lambda one, w=where, t=what: tweaked(one, w, t)
            )
        if where and "." not in where:
            found[f"answers no {where}"] = _answers(
                lambda one, w=where: replace(one, **{w: None}) if hasattr(one, w) else one
            )
    found["answers nothing"] = _answers(lambda one: _nothing(one))
    found["answers what it answered before"] = _stale
    for error in _ERRORS:
        found[f"refuses: {error.__name__}"] = _refuses(error)
        found[f"has {error.__name__} for every error"] = _swaps(error)
    found["answers nothing for an error"] = _swallows
    found["breaks down"] = _breaks
    found["never answers"] = _hangs
    if doing is not Doing.READ:
        found["does nothing"] = _skips
        found["does it twice"] = _twice
        found["does it, and says it was not done"] = _denies
        found["does it later"] = _later
        found["does an older request again after it"] = _again
    lawful = _LAWFUL.get(op.name, ("-",))
    return {name: effect for name, effect in found.items() if not name.startswith(lawful)}


def would(effect: Effect, seen: Seen, answer: Any, error: BaseException | None) -> bool:
    """Whether an effect would go wrong where a request is answered so; nothing is asked again."""
    told: list[bool] = []

    async def ask(_: Any) -> Any:
        if error is not None:
            raise error
        return answer

    if effect is _later:
        return answer is None or isinstance(answer, bool)
    if effect is _again:
        return error is None and _older(seen) is not None
    if effect is _twice and seen.op.effect is Doing.IDEMPOTENT:
        return answer is True and error is None
    begun = effect(ask, seen, lambda: told.append(True))
    with suppress(Exception, StopIteration):
        begun.send(None)
    begun.close()
    return bool(told)


def _nothing(answer: Any) -> Any:
    match answer:
        case bool():
            return False
        case int():
            return 0
        case str():
            return ""
        case tuple() | list():
            return type(answer)()
    return None


def _asks(change: Tweak) -> Effect:
    async def effect(ask: Ask, seen: Seen, fired: Fired) -> Any:
        try:
            changed = change(seen.op)
        except Exception:  # what cannot be changed so is asked as it is
            changed = seen.op
        if changed != seen.op:
            fired()
        return await ask(changed)

    return effect


def _heedless(change: Tweak) -> Effect:
    """Goes wrong only where a condition is not met: else it makes no difference."""

    async def effect(ask: Ask, seen: Seen, fired: Fired) -> Any:
        changed = change(seen.op)
        if changed == seen.op:
            return await ask(seen.op)
        try:
            return await ask(seen.op)
        except (AlreadyExistsError, ConflictError):
            fired()
            return await ask(changed)

    return effect


def _answers(change: Tweak) -> Effect:
    async def effect(ask: Ask, seen: Seen, fired: Fired) -> Any:
        answer = await ask(seen.op)
        try:
            changed = change(answer)
        except Exception:  # what cannot be changed so is answered as it is
            return answer
        if changed != answer or type(changed) is not type(answer):
            fired()
        return changed

    return effect


async def _stale(ask: Ask, seen: Seen, fired: Fired) -> Any:
    answer = await ask(seen.op)
    before = seen.server.answers.get((seen.method, seen.name), answer)
    if before != answer:
        fired()
    return before


def _refuses(error: type[OmniCloudError]) -> Effect:
    async def effect(ask: Ask, seen: Seen, fired: Fired) -> Any:
        fired()
        raise error("refused")

    return effect


def _swaps(other: type[OmniCloudError]) -> Effect:
    async def effect(ask: Ask, seen: Seen, fired: Fired) -> Any:
        try:
            return await ask(seen.op)
        except OmniCloudError as error:
            if not issubclass(other, type(error)):  # a kind of it is as right
                fired()
            raise other("refused") from error

    return effect


async def _swallows(ask: Ask, seen: Seen, fired: Fired) -> Any:
    try:
        return await ask(seen.op)
    except OmniCloudError:
        fired()
        return None


async def _breaks(ask: Ask, seen: Seen, fired: Fired) -> Any:
    fired()
    raise KeyError("odd")


async def _hangs(ask: Ask, seen: Seen, fired: Fired) -> Any:
    fired()
    await asyncio.sleep(1e7)


async def _skips(ask: Ask, seen: Seen, fired: Fired) -> Any:
    """Only of requests whose answer says nothing of what they did."""
    before = seen.server.answers.get((seen.method, "any"), ...)
    if before is ... or (before is not None and not isinstance(before, bool)):
        return await ask(seen.op)
    fired()
    return before


async def _twice(ask: Ask, seen: Seen, fired: Fired) -> Any:
    """Of a request that may be repeated only the answer can be wrong."""
    first = await ask(seen.op)
    if seen.method.startswith("begin"):
        return first
    second = await ask(seen.op)
    if seen.op.effect is Doing.ONCE or second != first:
        fired()
    return second


async def _denies(ask: Ask, seen: Seen, fired: Fired) -> Any:
    await ask(seen.op)
    fired()
    raise UnavailableError("not done", outcome=Outcome.NOT_DONE)


async def _later(ask: Ask, seen: Seen, fired: Fired) -> Any:
    before = seen.server.answers.get((seen.method, "any"), ...)
    if before is ... or (before is not None and not isinstance(before, bool)):
        return await ask(seen.op)
    fired()

    async def late() -> None:
        await asyncio.sleep(0.05)
        await ask(seen.op)

    _LATE.append(asyncio.get_running_loop().create_task(late()))
    return before


_LATE: list[asyncio.Task[None]] = []


async def _again(ask: Ask, seen: Seen, fired: Fired) -> Any:
    answer = await ask(seen.op)
    older = _older(seen)
    if older is not None:
        with suppress(OmniCloudError):
            await older()
            fired()
    return answer


def _older(seen: Seen) -> Callable[[], Awaitable[Any]] | None:
    """One that would change something: another was done since, or it may not be done twice."""
    since: dict[tuple[str, str], Any] = {}
    for driver, method, op in reversed(seen.server.writes[-24:]):
        last = since.setdefault((getattr(op, "named", ""), op.resource), op)
        outdated = last != op or op.effect is Doing.ONCE
        other = (op.resource or op) != (seen.name or seen.op)
        if driver is seen.driver and other and outdated:
            return functools.partial(getattr(driver, f"quirkless_{method}"), op)
    return None
