"""An event of the outbox as the server stores it, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence

from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent
from omnicloud_redis.commands import Argument

__all__ = ["optional", "record_of", "stored_parts"]


def optional(text: str | None) -> str:
    """A text that may be missing, as scripts take it: nothing, or ``=`` and the text."""
    return "" if text is None else f"={text}"


def stored_parts(event: NewEvent) -> tuple[Argument, ...]:
    """Id, aggregate, what is said about it, payload."""
    about = json.dumps([event.destination_topic, event.message_key, event.aggregate_key])
    return event.event_id, optional(event.aggregate_key), about, event.payload


def record_of(found: Sequence[bytes]) -> EventRecord:
    """An event as scripts answer it."""
    event_id, about, payload, sequence, status, attempts, saved = found
    topic, message_key, aggregate_key = json.loads(about)
    return EventRecord(
        event_id.decode(),
        topic,
        payload,
        message_key,
        aggregate_key,
        int(sequence) if sequence else None,
        EventStatus(status.decode()),
        int(attempts),
        int(saved) / 1e6,
    )
