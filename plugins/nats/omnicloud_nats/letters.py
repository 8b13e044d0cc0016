"""Messages of the contract as messages of a stream: where they are kept, and what beside them."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from omnicloud.contracts.messaging.models import DeadRecord, Delivery, Outgoing
from omnicloud_nats.group import Dead, Seen
from omnicloud_nats.names import token_of
from omnicloud_nats.stored import Stored

__all__ = [
    "HEADERS_BYTES",
    "Letter",
    "Places",
    "copy_of",
    "headers_of_message",
    "letter_of",
    "seen_of",
]

HEADERS_BYTES = 8 << 10
"""Of a message's own headers: escaped they still fit into the 64 KiB that the server takes."""

_MESSAGE = "Omni-Message"
_LANE_DIGITS = 16
_encoded = json.JSONEncoder(separators=(",", ":")).encode


class Places:
    """The subjects of a service's topics."""

    def __init__(self, root: str) -> None:
        self._root = root

    def topic(self, topic: str) -> str:
        """Where all messages of a topic are that are due."""
        return f"{self._root}.m.{token_of(topic)}.*.t"

    def message(self, topic: str, message_id: str) -> str:
        """Where a message is published: what is there says that the id is known."""
        return f"{self._root}.m.{token_of(topic)}.{_digest(message_id)}.t"

    def scheduled(self, topic: str, message_id: str | None = None) -> str:
        """Where a message waits for its time; all of a topic without an id."""
        which = "*" if message_id is None else _digest(message_id)
        return f"{self._root}.m.{token_of(topic)}.{which}.s"

    def known(self, topic: str, message_id: str) -> str:
        """Where a message of that id is, due or not."""
        return f"{self._root}.m.{token_of(topic)}.{_digest(message_id)}.*"

    def group(self, topic: str, group: str) -> str:
        """Where a group's record is."""
        return f"{self._root}.g.{token_of(topic)}.{token_of(group)}"

    def groups(self, topic: str) -> str:
        """Where all groups' records are."""
        return f"{self._root}.g.{token_of(topic)}.*"

    def copies(self, topic: str) -> str:
        """Where messages are kept for one group alone."""
        return f"{self._root}.x.{token_of(topic)}"


class Letter(NamedTuple):
    """A message as it is stored."""

    id: str
    payload: bytes
    key: str | None
    headers: dict[str, str]
    published_at: float

    def delivery(self, receipt: str, attempt: int) -> Delivery:
        """Lent under a receipt."""
        return Delivery(*self, attempt, receipt)

    def dead(self, group: str, letter: Dead) -> DeadRecord:
        """As a dead letter of a group."""
        return DeadRecord(*self, group, letter.reason, letter.attempts, letter.died_at)


def headers_of_message(message: Outgoing, published_at: float | None = None) -> dict[str, str]:
    """What stands beside the payload; the server stamps it where no time is given."""
    said = [message.id, message.key, dict(message.headers), published_at]
    # JSON in ASCII has neither line breaks nor blanks at its ends, so it may be a header.
    return {_MESSAGE: _encoded(said)}


def letter_of(stored: Stored) -> Letter:
    """The message that is stored."""
    message_id, key, headers, published_at = json.loads(stored.headers[_MESSAGE])
    at = stored.at if published_at is None else published_at
    return Letter(message_id, stored.data, key, headers, at)


def copy_of(stored: Stored) -> dict[str, str]:
    """The headers of a copy, which remembers when the message was published."""
    letter = letter_of(stored)
    return headers_of_message(
        Outgoing(letter.id, letter.payload, letter.key, letter.headers), letter.published_at
    )


def seen_of(stored: Stored) -> Seen:
    """What a group needs to know of a message."""
    if _MESSAGE not in stored.headers:
        return Seen(stored.seq)
    letter = letter_of(stored)
    lane = "" if letter.key is None else _digest(letter.key)[:_LANE_DIGITS]
    return Seen(stored.seq, lane, letter.published_at)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
