"""Dead letters: a queue for each group, looked through by taking all and showing it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import msgspec

from omnicloud.contracts.messaging.driver import DeadLetters, Redrive
from omnicloud.contracts.messaging.models import DeadPage, DeadRecord
from omnicloud.errors import InvalidArgumentError, NotFoundError, OmniCloudError
from omnicloud_aws.behind import Behind
from omnicloud_aws.desk import Loan
from omnicloud_aws.envelope import Grave, packed
from omnicloud_aws.places import Places
from omnicloud_aws.queues import BATCH, Found, Queues

__all__ = ["Letters"]

_HIDDEN_SECONDS = 60
_REASON_CHARACTERS = 2000  # a letter must not get too long for the queue

_Place = tuple[float, str, str]


@dataclass(frozen=True, slots=True)
class _Letter:
    found: Found
    grave: Grave

    @property
    def place(self) -> _Place:
        """In the order of deaths."""
        return self.grave.died_at, self.found.meta.id, self.grave.group


class Letters:
    """The dead letters of a service.

    Args:
        look: Seconds that a look waits for the last of them.
    """

    def __init__(self, queues: Queues, places: Places, behind: Behind, look: int) -> None:
        self._queues = queues
        self._places = places
        self._behind = behind
        self._look = look
        self._one_looks = asyncio.Lock()

    async def bury(self, topic: str, group: str, loan: Loan, reason: str) -> None:
        """Add a letter."""
        now = self._queues.client.time.now()
        grave = Grave(group, reason[:_REASON_CHARACTERS], loan.attempt, now)
        meta = msgspec.structs.replace(loan.found.meta, wait=0.0, grave=grave)
        name = self._places.dead(self._places.group(topic, group))
        body = packed(meta, loan.found.payload)
        try:
            await self._queues.send(name, body)
        except NotFoundError:  # someone deleted it
            await self._queues.make(name)
            await self._queues.into_new(partial(self._queues.send, name, body))

    async def count(self, topic: str, group: str) -> int:
        """How many letters a group has."""
        counts = await self._queues.count(self._places.dead(self._places.group(topic, group)))
        return 0 if counts is None else counts.all

    async def page(self, op: DeadLetters) -> DeadPage:
        """A page of letters, by their deaths."""
        after = None if op.cursor is None else _place(op.cursor)
        found = await self._behind.through(self._all(op.topic, op.group))
        rest = sorted((one for one in found if after is None or one.place > after), key=_by_place)
        page = rest[: op.limit]
        cursor = _cursor(page[-1].place) if len(rest) > op.limit else None
        return DeadPage(tuple(map(_record, page)), cursor)

    async def redrive(self, op: Redrive) -> int:
        """Give letters back to their groups."""
        return await self._behind.through(self._redriven(op))

    async def _all(self, topic: str, group: str | None) -> list[_Letter]:
        letters: list[_Letter] = []
        async with self._one_looks:
            for name in await self._names(topic, group):
                async with self._taken(name) as found:
                    letters += (_letter(one, group) for one in found)
        return letters

    async def _redriven(self, op: Redrive) -> int:
        moved = 0
        async with self._one_looks:
            for name in await self._names(op.topic, op.group):
                async with self._taken(name) as found:
                    letters = sorted((_letter(one, op.group) for one in found), key=_by_place)
                    wanted = [one for one in letters if not op.ids or one.found.meta.id in op.ids]
                    moved += await self._moved(name, wanted, found)
        return moved

    async def _moved(self, name: str, letters: list[_Letter], found: list[Found]) -> int:
        """Move letters to their group; those that were leave ``found``."""
        metas = [msgspec.structs.replace(one.found.meta, attempts=0, grave=None) for one in letters]
        bodies = [packed(m, one.found.payload) for m, one in zip(metas, letters, strict=True)]
        taken = await self._queues.send_many(self._places.alive(name), bodies)
        moved = [one.found for one, is_taken in zip(letters, taken, strict=True) if is_taken]
        await self._queues.delete_many(name, [one.handle for one in moved])
        for one in moved:
            found.remove(one)
        return len(moved)

    @asynccontextmanager
    async def _taken(self, name: str) -> AsyncIterator[list[Found]]:
        """A block in which all letters of a queue are at hand; those left in the list go back."""
        found: list[Found] = []
        try:
            while some := await self._received(name):
                found += some
            yield found
        finally:
            with suppress(OmniCloudError):
                await self._queues.hide(name, [one.handle for one in found], 0)

    async def _received(self, name: str) -> list[Found]:
        try:
            return await self._queues.receive(name, BATCH, self._look, _HIDDEN_SECONDS)
        except NotFoundError:
            return []

    async def _names(self, topic: str, group: str | None) -> list[str]:
        """The queues of the letters of the group asked for, or of all groups of the topic."""
        if group is not None:
            return [self._places.dead(self._places.group(topic, group))]
        named = await self._queues.named(self._places.topic(topic))
        return sorted(filter(self._places.is_dead, named))


def _letter(one: Found, group: str | None) -> _Letter:
    # What somebody else put there says nothing of its death.
    return _Letter(one, one.meta.grave or Grave(group or "unknown", "unknown", 0, one.sent_at))


def _by_place(letter: _Letter) -> _Place:
    return letter.place


def _record(letter: _Letter) -> DeadRecord:
    meta, grave = letter.found.meta, letter.grave
    return DeadRecord(
        id=meta.id,
        payload=letter.found.payload,
        key=meta.key,
        headers=dict(meta.headers),
        published_at=meta.published_at,
        group=grave.group,
        reason=grave.reason,
        attempts=grave.attempts,
        died_at=grave.died_at,
    )


def _cursor(place: _Place) -> str:
    return msgspec.json.encode(place).decode()


def _place(cursor: str) -> _Place:
    try:
        place: _Place = msgspec.json.decode(cursor, type=_Place)
    except msgspec.MsgspecError:
        raise InvalidArgumentError(
            "the cursor is none of this service", hint="give what the page before answered"
        ) from None
    return place
