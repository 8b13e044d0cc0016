"""What laws say when they look at an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = [
    "Broken",
    "Undecided",
    "collect",
    "each",
    "equal",
    "eventually",
    "refused",
    "that",
    "together",
]

T = TypeVar("T")


class Broken(AssertionError):  # noqa: N818 - a finding, not a failure
    """A law is broken; says what was expected and what came."""


class Undecided(Exception):  # noqa: N818 - not an error of what is tried: a limit of the kit
    """The kit gave up before it knew whether a law holds."""


def that(truth: object, said: str) -> None:
    """Break the law unless ``truth``."""
    if not truth:
        raise Broken(said)


def equal(expected: object, actual: object, about: str) -> None:
    """Break the law unless the answer, of the same type, is the expected one."""
    if expected != actual or type(expected) is not type(actual):
        raise Broken(f"{about}: expected {_short(expected)}, got {_short(actual)}")


@contextmanager
def refused(error: type[Exception] | tuple[type[Exception], ...], about: str) -> Iterator[None]:
    """Break the law unless the block raises this class of error, or one of these, or a kind."""
    wanted = error if isinstance(error, tuple) else (error,)
    named = " or ".join(one.__name__ for one in wanted)
    try:
        yield
    except error:
        return
    except Exception as other:
        raise Broken(f"{about}: expected {named}, got {type(other).__name__}") from other
    raise Broken(f"{about}: expected {named}, but it succeeded")


async def collect(stream: AsyncIterator[T], count: int, seconds: float) -> list[T]:
    """The first ``count`` items of a stream, fewer if they do not come within ``seconds``."""
    found: list[T] = []
    try:
        async with asyncio.timeout(seconds):
            async for item in stream:
                found.append(item)
                if len(found) >= count:
                    break
    except TimeoutError:
        pass
    return found


async def together(*calls: Awaitable[T]) -> list[T | BaseException]:
    """Run calls at once; their answers or errors in order."""
    return await asyncio.gather(*calls, return_exceptions=True)


def each(*calls: Coroutine[Any, Any, Any]) -> Iterator[Coroutine[Any, Any, Any]]:
    """The calls one by one; those not come to when the loop is left are closed."""
    waiting = list(calls)
    try:
        while waiting:
            yield waiting.pop(0)
    finally:
        for call in waiting:
            call.close()


async def eventually(
    question: Callable[[], Awaitable[bool]],
    sleep: Callable[[float], Awaitable[None]],
    seconds: float,
    about: str,
) -> None:
    """Break the law unless the question is answered with yes within ``seconds``."""
    step = seconds / 40
    for _ in range(41):
        if await question():
            return
        await sleep(step)
    raise Broken(f"{about}: not within {seconds} s")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}… ({len(text)} characters)"
