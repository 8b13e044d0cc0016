"""Dead letters: a queue for each group, looked through under a lock of the topic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from omnicloud.contracts.messaging.driver import DeadLetters, Redrive
from omnicloud.contracts.messaging.models import DeadPage, DeadRecord
from omnicloud.errors import InvalidArgumentError
from omnicloud_rabbitmq.broker import Broker
from omnicloud_rabbitmq.channel import Delivered
from omnicloud_rabbitmq.desk import Loan
from omnicloud_rabbitmq.envelope import Grave, Meta, opened, packed
from omnicloud_rabbitmq.shelf import Shelf
from omnicloud_rabbitmq.topology import Names, queue

__all__ = ["Letters"]

_Place = tuple[float, str, str]


@dataclass(frozen=True, slots=True)
class _Letter:
    meta: Meta
    grave: Grave
    payload: bytes

    @property
    def place(self) -> _Place:
        """In the order of deaths."""
        return self.grave.died_at, self.meta.id, self.grave.group


class Letters:
    """The dead letters of a service."""

    def __init__(self, broker: Broker, names: Names, shelf: Shelf) -> None:
        self._broker = broker
        self._names = names
        self._shelf = shelf
        self._made: set[str] = set()

    async def bury(self, topic: str, group: str, loan: Loan, reason: str) -> None:
        """Add a letter."""
        name = self._names.dead(topic, group)
        if name not in self._made:
            async with self._shelf.held(self._names.making):
                await self._make(name)
        grave = Grave(group, reason, loan.attempt, self._broker.clock.wall())
        meta = msgspec.structs.replace(loan.meta, grave=grave)
        try:
            await self._broker.publish("", name, packed(meta, loan.payload), mandatory=True)
        except Exception:
            self._made.discard(name)
            raise

    async def count(self, topic: str, group: str) -> int:
        """How many letters a group has."""
        return await self._broker.count(self._names.dead(topic, group)) or 0

    async def page(self, op: DeadLetters) -> DeadPage:
        """A page of letters, by their deaths."""
        after = None if op.cursor is None else _place(op.cursor)
        async with self._shelf.held(self._names.lock(op.topic)):
            found: list[_Letter] = []
            for group in await self._groups(op.topic, op.group):
                async with self._shelf.spread(self._names.dead(op.topic, group)) as spread:
                    found += (self._letter(one, group) for one in spread.messages)
        rest = sorted((one for one in found if after is None or one.place > after), key=_by_place)
        page = rest[: op.limit]
        cursor = _cursor(page[-1].place) if len(rest) > op.limit else None
        return DeadPage(tuple(map(_record, page)), cursor)

    async def redrive(self, op: Redrive) -> int:
        """Give letters back to their groups."""
        wanted = set(op.ids)
        moved = 0
        async with self._shelf.held(self._names.lock(op.topic)):
            for group in await self._groups(op.topic, op.group):
                moved += await self._redriven(op.topic, group, wanted)
        return moved

    async def _redriven(self, topic: str, group: str, wanted: set[str]) -> int:
        moved = 0
        async with self._shelf.spread(self._names.dead(topic, group)) as spread:
            letters = [(one, self._letter(one, group)) for one in spread.messages]
            for one, letter in sorted(letters, key=lambda pair: pair[1].place):
                if wanted and letter.meta.id not in wanted:
                    continue
                meta = msgspec.structs.replace(letter.meta, attempts=0, grave=None)
                again = packed(meta, letter.payload)
                await self._broker.publish(
                    "", self._names.group(topic, group), again, mandatory=True
                )
                spread.take(one)
                moved += 1
        return moved

    async def note(self, topic: str, group: str) -> None:
        """Remember that the topic has this group. The caller may make queues."""
        name = self._names.groups
        if name not in self._made:
            await self._make(name)
        entry = msgspec.json.encode((topic, group))
        await self._broker.publish("", name, entry, mandatory=True)

    async def _make(self, name: str) -> None:
        """Make a queue. The caller may make queues."""
        await self._broker.declare(queue(name, self._names.kept(self._broker.version)))
        self._made.add(name)

    async def _groups(self, topic: str, group: str | None) -> Iterable[str]:
        """The group asked for, or all of the topic; what is noted twice is kept once."""
        if group is not None:
            return (group,)
        known: dict[bytes, None] = {}
        async with (
            self._shelf.held(self._names.making),
            self._shelf.spread(self._names.groups) as spread,
        ):
            for one in spread.messages:
                if one.body in known:
                    spread.take(one)
                known[one.body] = None
        pairs = (msgspec.json.decode(entry, type=tuple[str, str]) for entry in known)
        return [name for where, name in pairs if where == topic]

    def _letter(self, one: Delivered, group: str) -> _Letter:
        now = self._broker.clock.wall()
        meta, payload = opened(one.body, f"unknown-{one.tag}", now)
        return _Letter(meta, meta.grave or Grave(group, "unknown", 0, now), payload)


def _by_place(letter: _Letter) -> _Place:
    return letter.place


def _record(letter: _Letter) -> DeadRecord:
    meta, grave = letter.meta, letter.grave
    return DeadRecord(
        id=meta.id,
        payload=letter.payload,
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
