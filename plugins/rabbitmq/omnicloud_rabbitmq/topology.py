"""Names and kinds of exchanges and queues: a fanout for each topic, a queue for each group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pamqp import commands
from pamqp.base import Frame

from omnicloud.core.names import escape

__all__ = ["Names", "Table", "exchange", "queue"]

_UNLIMITED_SINCE = 4
"""RabbitMQ 3 has no limit and takes -1 for one that is reached; 4 has one of 20, which -1 lifts."""

_LONGEST = 56
_SHOWN = 12
_ALLOWED = str.maketrans("%", ":")

Table = Mapping[str, str | int]


class Names:
    """The names of one service. A name of AMQP has 255 bytes: long ones end in a digest."""

    def __init__(self, namespace: str, kind: str = "classic") -> None:
        self._kind = kind
        self._base = f"omnicloud/{_short(namespace)}"
        self.nowhere = f"{self._base}//nowhere"
        """The exchange and queue for what no group is there to get."""
        self.groups = f"{self._base}//groups"
        """The queue that lists the groups of all topics."""
        self.making = f"{self._base}//making"
        """The queue whose owner may make queues."""

    def kept(self, version: str) -> Table:
        """What the queues that hold messages are made as, by the version of the broker."""
        if self._kind == "quorum" and int(version.partition(".")[0] or 0) >= _UNLIMITED_SINCE:
            return {"x-queue-type": "quorum", "x-delivery-limit": -1}
        return {"x-queue-type": self._kind}

    def topic(self, topic: str) -> str:
        """The exchange of a topic."""
        return f"{self._base}/{_short(topic)}"

    def lock(self, topic: str) -> str:
        """The queue whose owner may look through dead letters."""
        return f"{self.topic(topic)}//lock"

    def group(self, topic: str, group: str) -> str:
        """The queue of a group."""
        return f"{self.topic(topic)}/{_short(group)}"

    def dead(self, topic: str, group: str) -> str:
        """The queue of a group's dead letters."""
        return f"{self.group(topic, group)}/dead"

    def notes(self, topic: str, group: str) -> str:
        """The queue of notes until when messages are lent."""
        return f"{self.group(topic, group)}/notes"

    def lent(self, topic: str, group: str) -> str:
        """The queue that has a consumer for each message that is lent."""
        return f"{self.group(topic, group)}/lent"

    def topic_methods(self, topic: str, kept: Table) -> list[Frame]:
        """What makes a topic. What it cannot give to a group goes nowhere, and is confirmed."""
        sink = self.nowhere
        return [
            exchange(sink, "fanout"),
            queue(sink, {**kept, "x-max-length": 0}),
            commands.Queue.Bind(queue=sink, exchange=sink),
            exchange(self.topic(topic), "fanout", {"alternate-exchange": sink}),
        ]

    def group_methods(self, topic: str, group: str, kept: Table) -> list[Frame]:
        """What makes a group of a topic that is there."""
        name = self.group(topic, group)
        return [
            queue(self.notes(topic, group), kept),
            queue(self.lent(topic, group), kept),
            queue(name, kept),
            commands.Queue.Bind(queue=name, exchange=self.topic(topic)),
        ]


def queue(name: str, arguments: Table) -> commands.Queue.Declare:
    """A queue that survives a restart."""
    return commands.Queue.Declare(queue=name, durable=True, arguments={**arguments})


def exchange(name: str, kind: str, arguments: Table | None = None) -> Frame:
    """An exchange that survives a restart."""
    return commands.Exchange.Declare(
        exchange=name, exchange_type=kind, durable=True, arguments={**(arguments or {})}
    )


def _short(name: str) -> str:
    """The name, or its beginning and a digest: unlike names stay so."""
    text = escape(name).translate(_ALLOWED)
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(name.encode()).hexdigest()[:40]
    return f"{text[:_SHOWN]}@{digest}"
