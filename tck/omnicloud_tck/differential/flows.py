"""Messaging and outboxes beside the models of their laws."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.messaging import Messaging, MessagingFeature
from omnicloud_tck.differential.draws import Chance, payload
from omnicloud_tck.differential.twins import Scene, Step, Subject, Verb, of, one_of
from omnicloud_tck.messaging.model import MessagingModel
from omnicloud_tck.outbox.model import OutboxModel

__all__ = ["MESSAGING_SUBJECT", "OUTBOX_SUBJECT"]


class _MessagingTwin:
    def __init__(self, scene: Scene) -> None:
        self._clients = (Messaging(scene.pipes[0]), Messaging(scene.pipes[1]))
        self._model = MessagingModel(scene.space, scene.world)

    async def begin(self) -> None:
        """Let the groups be known."""
        await self._model.begin(self._clients)

    async def take(self, step: Step) -> None:
        await self._model.take(step, self._clients)

    async def end(self) -> None:
        await self._model.end(self._clients)


class _OutboxTwin:
    def __init__(self, scene: Scene) -> None:
        self._pipes = scene.pipes
        self._model = OutboxModel(scene.space)

    async def take(self, step: Step) -> None:
        await self._model.take(step, self._pipes)

    async def end(self) -> None:
        await self._model.end(self._pipes)


async def _messaging(scene: Scene) -> _MessagingTwin:
    twin = _MessagingTwin(scene)
    await twin.begin()
    return twin


async def _outbox(scene: Scene) -> _OutboxTwin:
    return _OutboxTwin(scene)


_GROUP: Any = one_of("g", "h")
_OWNER: Any = one_of("one", "two")
_WHICH: Any = one_of(*range(30))
_FLAG: Any = one_of(True, False)
_SOME: Any = one_of(1, 2, 3)
_KEY: Any = one_of(None, "a", "b")
_HEADERS = ((), (("Name", "é \U0001f980"),), (("n", ""), ("x-y", " two words ")))


def _batch(chance: Chance) -> list[str | None]:
    return [chance.choice((None, "a", "b")) for _ in range(chance.randint(2, 3))]


MESSAGING_SUBJECT = Subject(
    "messaging",
    {
        "publish": Verb(6, of(_KEY, payload, one_of(*_HEADERS))),
        "publish_many": Verb(2, of(_batch, payload), frozenset({MessagingFeature.BATCH})),
        "receive": Verb(6, of(_GROUP, _SOME)),
        "ack": Verb(4, of(_GROUP, _WHICH)),
        "nack": Verb(2, of(_GROUP, _WHICH, _FLAG)),
        "kill": Verb(2, of(_GROUP, _WHICH)),
        "redrive": Verb(1, of()),
    },
    _messaging,
    "payload_max_bytes",
)

OUTBOX_SUBJECT = Subject(
    "outbox",
    {
        "save": Verb(6, of(_KEY, payload, one_of(None, "", "k", " é"))),
        "claim": Verb(4, of(_OWNER, _SOME)),
        "mark": Verb(3, of(_WHICH)),
        "free": Verb(2, of(_OWNER, _WHICH)),
        "fail": Verb(2, of(_OWNER, _WHICH, _FLAG)),
        "requeue": Verb(1, of(_WHICH)),
    },
    _outbox,
    "payload_max_bytes",
)
