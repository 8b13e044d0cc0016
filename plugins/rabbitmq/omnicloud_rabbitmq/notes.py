"""Until when messages are lent and which are settled, for who gets one that came back by itself.

What was lent on a connection that ended is given to the next at once, and a lease is longer; what
was acknowledged shortly before a crash of the broker comes again, since acknowledgements have no
answer and are written to disk later. So whoever lends or settles writes a note beside the queue,
which only a message that came back makes anyone read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec
from pamqp import commands

from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.channel import Channel
from omnicloud_rabbitmq.shelf import Shelf

__all__ = ["Notes"]


class _Note(msgspec.Struct, frozen=True, array_like=True):
    """Until when an attempt at a message is lent.

    Attributes:
        written_at: By the clock of who lends it, who writes all of an attempt but the last.
    """

    id: str
    attempt: int
    until: float
    written_at: float = 0.0

    @property
    def which(self) -> tuple[str, int]:
        """The message and the attempt."""
        return self.id, self.attempt


_SETTLED_MS = 120_000  # an acknowledgement is on disk after a fraction of a second
_encoded = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Note)


class Notes:
    """The notes of one group.

    Args:
        queue: Where they are; a note leaves it when it is out of date.
        lent: A queue without messages that has a consumer for each message that is lent, so that
            everyone can ask for their number, and that the broker counts down when one dies.
        lock: Who may look through the notes.
    """

    def __init__(self, broker: Broker, shelf: Shelf, queue: str, lent: str, lock: str) -> None:
        self._broker = broker
        self._shelf = shelf
        self._queue = queue
        self._lent = lent
        self._lock = lock

    def lend(self, channel: Channel, receipt: str, id_: str, attempt: int, lease: float) -> None:
        """Count a message that is lent, and note until when."""
        consume = commands.Basic.Consume(queue=self._lent, consumer_tag=receipt, nowait=True)
        channel.tell(consume)
        self.prolong(channel, id_, attempt, lease)

    def prolong(self, channel: Channel, id_: str, attempt: int, lease: float) -> None:
        """Note that it is lent for so long from now on."""
        now = self._broker.clock.wall()
        note = _Note(id_, attempt, now + lease, now)
        channel.send("", self._queue, _encoded(note), expires_ms=round(lease * 1000) + 1)

    async def settle(self, id_: str, attempt: int) -> None:
        """Note, on disk, that the message is no more to be given to anyone."""
        note = _encoded(_Note(id_, attempt, math.inf))
        await self._broker.publish("", self._queue, note, expires_ms=_SETTLED_MS)

    def give_back(self, channel: Channel, receipt: str) -> None:
        """Count it no more."""
        channel.tell(commands.Basic.Cancel(consumer_tag=receipt, nowait=True))

    async def count(self) -> int:
        """How many messages are lent, by whomever."""
        return await self._broker.consumers(self._lent)

    async def left(self, lost: Iterable[tuple[str, int]]) -> dict[tuple[str, int], float]:
        """For how many seconds messages are lent still, by id and attempt; settled: for ever."""
        wanted = set(lost)
        async with self._shelf.held(self._lock), self._shelf.spread(self._queue) as spread:
            notes = [_decoder.decode(one.body) for one in spread.messages]
        # A quorum queue puts what it is given back behind what came meanwhile.
        notes.sort(key=_place)
        until = {note.which: note.until for note in notes if note.which in wanted}
        now = self._broker.clock.wall()
        return {which: moment - now for which, moment in until.items() if moment > now}


def _place(note: _Note) -> tuple[bool, float]:
    """The last one counts; after that the message is settled nothing does."""
    return note.until == math.inf, note.written_at
