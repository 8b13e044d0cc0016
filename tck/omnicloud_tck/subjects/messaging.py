"""Messaging beside a plain reading of topics: every verb, every option, and time that passes."""

from __future__ import annotations

from omnicloud_tck.subjects.messaging_letters import Lettering

__all__ = ["MessagingTwin", "MessagingTwin"]

_NEAR = 2.0  # seconds before a moment: a delivery may have begun so long before it was seen


class MessagingTwin(Lettering):
    """Two clients of topics, and the topics as they should be."""

    async def wait(self, client: int, seconds: float) -> None:
        """Let time pass."""
        await self._times.let_pass(seconds)
        if self._times.virtual:
            await self._look(client)

    async def approach(self, client: int, which: int) -> None:
        """Let time pass until shortly before something ends by itself."""
        coming = sorted(one for one in self._moments() if one > self._times.now() + 2 * _NEAR)
        if coming and self._times.virtual:
            await self._times.let_pass(coming[which % len(coming)] - _NEAR - self._times.now())
            self._tick()
            await self._look(client)

    async def _look(self, client: int) -> None:
        """See that what time ended has ended, and nothing else."""
        for room, topic in list(self._topics.items()):
            for name in list(topic.groups):
                await self.take(("measure", client, room, name))

    async def end(self) -> None:
        """Compare all that is there, and take it away."""
        for room, topic in list(self._topics.items()):
            for name in list(topic.groups):
                await self._finished(room, name)

    async def _finished(self, room: str, name: str) -> None:
        await self.take(("letters", 0, room, name, 100))
        group = self._topic(room).groups[name]
        while group.lent():
            await self.take(("ack", 1, room, name, 0))
        for _ in range(1000):
            await self.take(("wait", 0, 0.0))
            if not group.free():
                break
            await self.take(("receive", 1, room, name, 10, 3600.0, 0.0))
            while group.lent():
                await self.take(("ack", 1, room, name, 0))
        await self.take(("measure", 0, room, name))
        lease = self._times.span(60.0)
        found = await self._ask(1, room, name, 5, lease, 0.0)
        await self._lend(1, group, found, 5, lease)
