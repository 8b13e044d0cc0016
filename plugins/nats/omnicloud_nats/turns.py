"""Read, decide, write: one after another for each subject, and again where another came between."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from omnicloud.errors import OmniCloudError, Outcome, UnavailableError
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream

__all__ = ["Turns", "Write"]

R = TypeVar("R")

_PATIENCE = 200
_PAUSE_SECONDS = 0.002
_LONGEST_SECONDS = 0.1
_RANDOM = random.Random()  # noqa: S311 - no secret; of its own, so that it disturbs no one's seed


class Write(NamedTuple):
    """What to put in place of a subject's last message."""

    data: bytes
    headers: dict[str, str]


Decide = Callable[["Stored | None", float], "tuple[Write | None, Callable[[int], R]]"]
"""From the last message and the server's time: what to write, and the answer of its number."""


class _Turn:
    """The right to change a subject, which outlasts its holder until what it sent is answered."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.wanted = 0
        self.sending: asyncio.Task[int | None] | None = None

    async def sent(self, publishing: Coroutine[Any, Any, int | None]) -> int | None:
        """Publish, also when the caller is cancelled meanwhile: it may be done already."""
        self.sending = asyncio.ensure_future(publishing)
        return await asyncio.shield(self.sending)


class Turns:
    """Changes of a stream's subjects that this process makes.

    Args:
        remembered: How many subjects' last messages to remember, so that a subject that no one
            else changes need not be read again before it is changed.
    """

    def __init__(self, stream: Stream, remembered: int = 0) -> None:
        self._stream = stream
        self._turns: dict[str, _Turn] = {}
        self._known: OrderedDict[str, Stored] = OrderedDict()
        self._remembered = remembered

    async def change(self, subject: str, decide: Decide[R]) -> R:
        """Change the last message of a subject as one step.

        Raises:
            UnavailableError: Others changed it at each of many attempts; not done.
        """
        stream = self._stream
        async with self._turn(subject) as turn:
            for attempt in range(_PATIENCE):
                found, new, answer = await self._decided(subject, decide)
                if new is None:
                    return answer(0)
                seq = await turn.sent(
                    stream.publish(subject, new.data, new.headers, over=found.seq if found else 0)
                )
                if seq is not None:
                    self._remember(Stored(subject, seq, 0.0, new.headers, new.data))
                    return answer(seq)
                await stream.store.clock.sleep(_pause(attempt))
        raise _contended()

    async def _decided(
        self, subject: str, decide: Decide[R]
    ) -> tuple[Stored | None, Write | None, Callable[[int], R]]:
        """What the decision reads, what it writes, and its answer."""
        stream = self._stream
        known = self._known.pop(subject, None)
        if known is not None:
            try:
                new, answer = decide(known, await stream.time.now())
            except OmniCloudError:
                new = None
            if new is not None:  # what is written is compared; what is only told is read anew
                return known, new, answer
        found = await stream.last(subject)
        new, answer = decide(found, await stream.time.now())
        return found, new, answer

    def _remember(self, stored: Stored) -> None:
        self._known[stored.subject] = stored
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)

    @asynccontextmanager
    async def _turn(self, subject: str) -> AsyncIterator[_Turn]:
        turn = self._turns.get(subject)
        if turn is None:
            turn = self._turns[subject] = _Turn()
        turn.wanted += 1
        try:
            await turn.lock.acquire()
        except BaseException:
            self._leave(subject, turn)
            raise
        try:
            yield turn
        finally:
            self._pass_on(subject, turn)

    def _pass_on(self, subject: str, turn: _Turn) -> None:
        sending, turn.sending = turn.sending, None

        def passed(task: asyncio.Task[int | None] | None) -> None:
            if task is not None and not task.cancelled():
                task.exception()  # it was raised where it was waited for, or no one waits
            turn.lock.release()
            self._leave(subject, turn)

        if sending is None or sending.done():
            passed(sending)
        else:
            sending.add_done_callback(passed)

    def _leave(self, subject: str, turn: _Turn) -> None:
        turn.wanted -= 1
        if not turn.wanted:
            del self._turns[subject]


def _pause(attempt: int) -> float:
    longest = min(_LONGEST_SECONDS, _PAUSE_SECONDS * 2.0 ** min(attempt, 10))
    return longest * _RANDOM.random()


def _contended() -> UnavailableError:
    return UnavailableError("others changed the name at every attempt", outcome=Outcome.NOT_DONE)
