"""Names of topics in SNS and queues in SQS: readable at their beginning, told apart by a digest.

Both take letters, digits, hyphens and underscores; a queue's name has 80 of them at most.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html, 2026-11.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["Places"]

_OTHER = re.compile("[^A-Za-z0-9_]+")
_SERVICE, _TOPIC, _GROUP = 8, 8, 7
_DIGITS = 24  # of Base32: 120 bits
_DEAD, _LATER = "-dead", "-later"


@dataclass(frozen=True, slots=True)
class Places:
    """The names of one service's topics and queues."""

    namespace: str

    @property
    def own(self) -> str:
        """The name of a queue that is never made."""
        return _named(self.namespace, _SERVICE) + _digest(self.namespace)

    def topic(self, topic: str) -> str:
        """The topic; what the names of all its queues start with."""
        parts = _named(self.namespace, _SERVICE), _named(topic, _TOPIC)
        return "".join(parts) + _digest(self.namespace, topic)

    def group(self, topic: str, group: str) -> str:
        """The queue of a group."""
        return f"{self.topic(topic)}-{_named(group, _GROUP)}{_digest(group)}"

    def later(self, topic: str) -> str:
        """The queue of what a topic has scheduled."""
        return self.topic(topic) + _LATER

    def dead(self, queue: str) -> str:
        """The queue of the dead letters of a group's queue."""
        return queue + _DEAD

    def is_dead(self, queue: str) -> bool:
        """Whether it is a queue of dead letters."""
        return queue.endswith(_DEAD)

    def is_group(self, queue: str) -> bool:
        """Whether it is a group's queue, of those that a topic has."""
        return not queue.endswith((_DEAD, _LATER))

    def alive(self, queue: str) -> str:
        """The group's queue of a queue of dead letters."""
        return queue.removesuffix(_DEAD)


def _named(name: str, most: int) -> str:
    """What can be read of a name, with a hyphen after it."""
    plain = _OTHER.sub("_", name)[:most]
    return f"{plain}-" if plain else ""


def _digest(*names: str) -> str:
    # Lengths first: "a" and "bc" are not "ab" and "c".
    told = ",".join(str(len(name)) for name in names) + ":" + "".join(names)
    return base64.b32encode(sha256(told.encode()).digest()).decode().lower()[:_DIGITS]
