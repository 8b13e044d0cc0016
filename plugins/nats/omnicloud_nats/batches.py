"""Batches of kv: written in one step, and read as they stood at one moment.

The server checks and takes a batch as a whole, but a reader may meet its first message before
the last is stored. So each message says how many there are, and who meets one waits for the
last. Several keys are read twice, until both times say the same: then they stood so between.
"""

from __future__ import annotations

from collections.abc import Sequence

from omnicloud.contracts.kv.models import Record
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream
from omnicloud_nats.values import record_of

__all__ = ["BATCH_ITEMS", "Batches"]

BATCH_ITEMS = 1000
"""As many messages as the server takes in one step."""

_COUNT = "Omni-Batch"
_PLACE = "Nats-Batch-Sequence"
_TRIES = 200
_PAUSE_SECONDS = 0.001
_PATIENCE = 1000


class Batches:
    """Batches of a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._settled = 0

    async def write(self, messages: Sequence[tuple[str, bytes, dict[str, str]]]) -> None:
        """Append all of them or none."""
        if not messages:
            await self._stream.end()
            return
        count = {_COUNT: str(len(messages))}
        await self._stream.publish_all(
            [(subject, data, headers | count) for subject, data, headers in messages]
        )

    async def read(self, subjects: Sequence[str]) -> tuple[Record | None, ...]:
        """What the keys of these subjects were at one moment."""
        if not subjects:
            await self._stream.end()
            return ()
        before = await self._collected(subjects)
        for _ in range(_TRIES):
            now = await self._stream.time.now()
            after = await self._collected(subjects)
            if _numbers(before) == _numbers(after):
                return tuple(record_of(after.get(subject), now) for subject in subjects)
            before = after
        raise UnavailableError("others changed the keys at every look", outcome=Outcome.NOT_DONE)

    async def settled(self, found: Stored) -> None:
        """Wait until the batch that a message is of is stored whole."""
        if _COUNT not in found.headers:
            return
        last = found.seq + int(found.headers[_COUNT]) - int(found.headers[_PLACE])
        # A server that died in the middle of a batch may never store its last message.
        for _ in range(_PATIENCE):
            if last <= self._settled:
                return
            self._settled = max(self._settled, await self._stream.end())
            if last > self._settled:
                await self._stream.store.clock.sleep(_PAUSE_SECONDS)

    async def _collected(self, subjects: Sequence[str]) -> dict[str, Stored]:
        found = {one.subject: one for one in await self._stream.lasts(subjects)}
        for one in found.values():
            await self.settled(one)
        return found


def _numbers(found: dict[str, Stored]) -> dict[str, int]:
    return {subject: one.seq for subject, one in found.items()}
