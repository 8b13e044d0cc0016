"""Two clients of topics, and the topics as they should be."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud_tck.programs.cast import Scene, Step
from omnicloud_tck.programs.times import Times
from omnicloud_tck.subjects.topics import Group, Topic

__all__ = ["Bench", "Headers", "Marked"]

Headers = tuple[tuple[str, str], ...]
Marked = tuple[str | None, str | None]
"""Key and id of a message of a batch."""

_SAME = {"batch_as": "batch", "crowd": "batch", "publish_later_as": "publish_later"}
_MARGIN = 10.0  # seconds before the end of what is retained or remembered


class Bench:
    """What every kind of operation needs."""

    def __init__(self, scene: Scene) -> None:
        self._clients = [Messaging(pipe, scene.world.clock) for pipe in scene.pipes]
        self._pipes = scene.pipes
        self._space, self._times = scene.space, Times(scene)
        self._features = scene.features
        self._limits: Any = scene.pipes[0].driver.limits
        self._topics: dict[str, Topic] = {}
        self._stamps: list[float] = []

    async def take(self, step: Step) -> None:
        """Do an operation on both and compare the answers."""
        await self._times.clear_of(self._moments())
        self._tick()
        verb, client, *rest = step
        if rest and isinstance(rest[0], str) and rest[0] not in self._topics:
            await self._first(client, rest[0])
        await getattr(self, _SAME.get(verb) or verb)(client, *rest)

    async def _first(self, client: int, room: str) -> None:
        """Make a group first, where a later one may be given what was before it, or not."""
        if not self._has(MessagingFeature.REPLAY):
            await self.subscribe(client, room, "g")

    def _moments(self) -> list[float]:
        return [moment for topic in self._topics.values() for moment in topic.moments()]

    def _tick(self) -> None:
        for topic in self._topics.values():
            topic.tick(self._times.now())

    def _topic(self, room: str) -> Topic:
        ordered = MessagingFeature.ORDERED in self._features
        return self._topics.setdefault(room, Topic(ordered))

    async def subscribe(self, client: int, room: str, name: str) -> None:
        """Make a group, or one that is known again, which changes nothing."""
        topic, retained = self._topic(room), self._has(MessagingFeature.REPLAY)
        kept = self._limits.retention_seconds if retained else 0.0
        if name not in topic.groups and topic.log and not self._fresh(topic, kept):
            return  # what is older may be retained or not
        await self._clients[client].subscribe(self._space + room, name)
        topic.subscribe(name, retained=retained)

    async def _group(self, client: int, room: str, name: str) -> Group | None:
        """The group, made where it is not there and can be."""
        topic = self._topic(room)
        if name not in topic.groups:
            await self.subscribe(client, room, name)
        return topic.groups.get(name)

    def _busy(self, room: str, name: str) -> tuple[str, str]:
        """The group if it has anything out, else one that has, if any."""
        places = [(room, name), *((r, g) for r, one in self._topics.items() for g in one.groups)]
        busy = (place for place in places if self._out(*place))
        return next(busy, (room, name))

    def _out(self, room: str, name: str) -> bool:
        group = self._topic(room).groups.get(name)
        return group is not None and bool(group.lent())

    def _has(self, feature: MessagingFeature) -> bool:
        return feature in self._features

    def _fresh(self, topic: Topic, seconds: float) -> bool:
        """Whether all of a topic is younger than that."""
        oldest = min((one.born for one in topic.log), default=self._times.now())
        return self._times.now() - oldest < seconds - _MARGIN
