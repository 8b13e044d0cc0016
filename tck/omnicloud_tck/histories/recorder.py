"""Records the calls of a history as they are seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from itertools import count
from typing import Any

from omnicloud.core.clock import Clock
from omnicloud.errors import (
    ClosedError,
    DeadlineExceededError,
    OmniCloudError,
    Outcome,
    ThrottledError,
    UnavailableError,
)
from omnicloud_tck.histories.events import Action, Call, Fate

__all__ = ["CALL_SECONDS", "Complaint", "Recorder"]

CALL_SECONDS = 45.0
"""After so long on the world's clock a call counts as one that is never answered."""

Send = Callable[[Action], Coroutine[Any, Any, Hashable]]

_WEATHER = (UnavailableError, ThrottledError, DeadlineExceededError, ClosedError)
"""What a call may fail with while nothing is wrong with the request."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A call that went wrong in itself, whatever the others were answered.

    Attributes:
        why: What it did, in one sentence.
        call: What was asked.
        over: When it had gone wrong, on the history's own clock.
    """

    why: str
    call: str
    over: int


@dataclass(frozen=True, slots=True)
class _Seen:
    fate: Fate
    result: Hashable = None
    said: str = ""
    complaint: str = ""


class Recorder:
    """The calls of one history, in the order of their beginnings."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: dict[int, Call] = {}
        self._moments = count(1)
        self.complaints: list[Complaint] = []
        self.began: Callable[[], None] = lambda: None
        """Called at the beginning of each call."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """What has been recorded."""
        return tuple(self._calls.values())

    def until(self, moment: int) -> tuple[Call, ...]:
        """Those that had begun at that moment of the history's own clock."""
        return tuple(call for call in self._calls.values() if call.begun <= moment)

    async def record(
        self,
        client: int,
        action: Action,
        send: Send,
        cancel: int | None = None,
    ) -> Call:
        """Make a call and write down its end; with ``cancel``, cancel it after so many turns."""
        number, begun, begun_at = len(self._calls), next(self._moments), self._clock.monotonic()
        # In its place from now on, should the history end before the call.
        self._calls[number] = Call(
            number, client, action, begun, None, Fate.UNKNOWN, None, None, begun_at, begun_at
        )
        self.began()
        seen = await (_seen(send, action) if cancel is None else _cut_short(send, action, cancel))
        ended = next(self._moments)
        if seen.complaint:
            self.complaints.append(Complaint(seen.complaint, str(action), ended))
        call = self._calls[number] = Call(
            number,
            client,
            action,
            begun,
            None if seen.fate is Fate.UNKNOWN else ended,
            seen.fate,
            seen.result,
            None,
            begun_at,
            self._clock.monotonic(),
            ended,
            seen.said,
        )
        return call


async def _seen(send: Send, action: Action) -> _Seen:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            return _Seen(Fate.DONE, await send(action))
    except OmniCloudError as error:
        fate = Fate.NOT_DONE if error.outcome is Outcome.NOT_DONE else Fate.UNKNOWN
        said = type(error).__name__
        wrong = "" if isinstance(error, _WEATHER) else f"a call failed with {said}"
        return _Seen(fate, None, said, wrong)
    except TimeoutError:
        return _Seen(Fate.UNKNOWN, None, "no answer", "a call was never answered")
    except Exception as error:
        said = type(error).__name__
        return _Seen(Fate.UNKNOWN, None, said, f"a call failed with {said}")


async def _cut_short(send: Send, action: Action, turns: int) -> _Seen:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_seen(send, action))
        for _ in range(turns):
            if task.done():
                break
            await asyncio.sleep(0)
        task.cancel()
    return _Seen(Fate.UNKNOWN, None, "cancelled") if task.cancelled() else task.result()
