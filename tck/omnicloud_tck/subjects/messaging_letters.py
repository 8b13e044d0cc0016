"""Dead letters, and messages that come once more."""

from __future__ import annotations

from collections.abc import Sequence

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud.contracts.messaging.driver import (
    DeadLetters,
)
from omnicloud.contracts.messaging.models import DeadRecord
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.cast import Step
from omnicloud_tck.programs.circumstances import wide
from omnicloud_tck.programs.twins import Idle
from omnicloud_tck.subjects.messaging_groups import Grouping
from omnicloud_tck.subjects.topics import Group, Letter

__all__ = ["Lettering"]

_SLACK = 5.0  # seconds by which a stamp may differ from the kit's own look at the clock
_FAR = 4e9  # seconds since 1970
_SETTLED_FIRST = (4, 7)  # ways of replaying of which a newer message of a key waits


class Lettering(Grouping):
    """Operations on what died or was before."""

    async def letters(self, client: int, room: str, name: str | None, limit: int) -> None:
        """Read dead letters, page by page."""
        topic = self._topic(room)
        found = await self._read(client, room, name, limit, None)
        names = topic.groups if name is None else {name} & topic.groups.keys()
        for one in found:
            that(one.group in names, "a dead letter of another group is listed")
        for group in names:
            own = [one for one in found if one.group == group]
            self._letters_of(topic.groups[group], own)
        died = [one.died_at for one in found]
        that(died == sorted(died), "dead letters are not listed by their deaths")

    async def _read(
        self, client: int, room: str, name: str | None, limit: int, between: Step | None
    ) -> list[DeadRecord]:
        """All pages; ``between`` is done after the first of several."""
        found: list[DeadRecord] = []
        cursor: str | None = None
        groups = self._topic(room).groups
        known = sum(len(one.letters) for group, one in groups.items() if name in (None, group))
        limit = wide(limit, known)
        for number in range(400):
            op = DeadLetters(self._space + room, name, cursor, limit)
            page = await self._pipes[client].send(op)
            that(len(page.letters) <= limit, f"a page of {limit} has {len(page.letters)} letters")
            found += page.letters
            cursor = page.cursor
            if cursor is None:
                return found
            if number == 0 and between is not None:
                await self.take(between)
        that(False, "pages of dead letters do not end")
        return found

    async def letters_moving(self, client: int, room: str, limit: int, which: int) -> None:
        """Read dead letters while some are given back: those that stay are each read once."""
        topic = self._topic(room)
        for name, group in topic.groups.items():
            before = [one.message.id for one in group.letters]
            between = ("redrive", 1 - client, room, name, 1 + which % 2)
            found = [one.id for one in await self._read(client, room, name, limit, between)]
            stayed = [one.message.id for one in group.letters]
            that(len(found) == len(set(found)), "a dead letter is on two pages")
            left_out = [one for one in stayed if one not in found]
            that(not left_out, "a dead letter that stayed is on no page")
            that(set(found) <= set(before), "what was no dead letter is on a page")

    async def plague(
        self,
        client: int,
        room: str,
        several: Sequence[str],
        count: int,
        payload: bytes,
        which: int,
        back: str | None,
    ) -> None:
        """Let many messages die in every group, and give them back or not: to one, or to all."""
        for name in several:
            if await self._group(client, room, name) is None:
                raise Idle
        for _ in range(count):
            await self.take(("publish", client, room, None, payload, ()))
        names = list(self._topic(room).groups)
        await self._die(client, room, names, 3 * count)
        for about in (*names, None):
            await self.take(("letters", client, room, about, 3 if count < 20 else 100))
        await self.take(("redrive", client, room, back, which))

    async def _die(self, client: int, room: str, names: list[str], most: int) -> None:
        """Let messages die in one group and another by turns."""
        for name in names:
            await self.take(("receive", client, room, name, most, 3600.0, 0.0))
        groups = self._topic(room).groups
        while busy := [name for name in names if groups[name].lent()]:
            for name in busy:
                await self.take(("kill", client, room, name, 0, "on purpose"))

    def _letters_of(self, group: Group, found: list[DeadRecord]) -> None:
        expected = [_letter(one) for one in group.letters]
        got = [
            (one.id, one.payload, one.key, dict(one.headers), one.reason, one.attempts)
            for one in found
        ]
        equal(expected, got, "dead letters")
        for letter, one in zip(group.letters, found, strict=True):
            self._stamped(letter.message.stamp, one.published_at, "publishing")
            self._stamped(letter.stamp, one.died_at, "death")

    async def redrive(self, client: int, room: str, name: str | None, which: int) -> None:
        """Give dead letters back: all, or some by their ids."""
        topic = self._topic(room)
        names = list(topic.groups) if name is None else [name]
        dead = {group: topic.groups[group].letters for group in names if group in topic.groups}
        known = [one.message.id for group in topic.groups.values() for one in group.letters]
        ids: tuple[str, ...] = () if which % 3 == 0 else ("unknown", *known[: which % 3])
        count = await self._clients[client].redrive(self._space + room, group=name, ids=ids)
        moved = 0
        for group, letters in dead.items():
            chosen = [one for one in letters if not ids or one.message.id in ids]
            topic.groups[group].redrive(chosen)
            moved += len(chosen)
        equal(moved, count, "letters redriven")

    async def replay(self, client: int, room: str, name: str, which: int) -> None:
        """Deliver again what is retained: all, what is new, or nothing."""
        group, topic = await self._group(client, room, name), self._topic(room)
        fresh = self._fresh(topic, self._limits.retention_seconds)
        if group is None:
            raise Idle
        if self._has(MessagingFeature.REPLAY) and (group.knots() or not fresh):
            raise Idle
        if which in _SETTLED_FIRST:
            await self._settled_and_waiting(client, room, name)
            which = _SETTLED_FIRST.index(which)
        since = (0.0, _FAR, self._times.wall() - 60.0)[which % 3]
        if which > 4 and self._stamps and self._times.virtual:
            since = self._stamps[which % len(self._stamps)]
        elif any(abs(one.stamp - since) < _SLACK for one in topic.log):
            raise Idle
        if any(0 < abs(one.stamp - since) < _SLACK for one in topic.log):
            raise Idle
        if which % 3 == 2 and not self._times.virtual:
            since = 0.0
        count = await self._clients[client].replay(self._space + room, name, since=since)
        equal(topic.replay(name, since), count, "messages replayed")

    async def _settled_and_waiting(self, client: int, room: str, name: str) -> None:
        """Let a group have settled a message, and have a newer one of its key before it."""
        if not self._has(MessagingFeature.REPLAY):
            raise Idle
        for number in range(2):
            await self.take(("publish", client, room, "k", b"%d" % number, ()))
            while not number and self._topic(room).groups[name].free():
                await self.take(("receive", client, room, name, 10, 3600.0, 0.0))
                while self._topic(room).groups[name].lent():
                    await self.take(("ack", client, room, name, 0))


def _letter(one: Letter) -> tuple[object, ...]:
    message = one.message
    return (message.id, message.payload, message.key, message.headers, one.reason, one.attempts)
