"""moto's queues, received from without counting all their messages anew for each one.

Before moto gives a message out it asks the queue for all its attributes, three times, to see
whether the message is too old, and three of those count every message. Here it asks for the one
that it needs.

Before it takes a message in it asks for all attributes once, and for each message that it counts
it reads the clock by way of dates and their zones. Here it reads the clock.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

__all__ = ["quicken"]


def quicken() -> None:
    """Let receiving from moto's queues take as long as what is received."""
    from moto.sqs import models
    from moto.sqs.models import SQSBackend

    def is_young(backend: SQSBackend, name: str, message: Any) -> bool:
        kept: float = backend.get_queue(name).message_retention_period  # type: ignore[attr-defined]  # it sets them by name
        return bool(message.sent_timestamp / 1000 + kept > time.time())

    SQSBackend.is_message_valid_based_on_retention_period = is_young  # type: ignore[assignment, method-assign]  # moto's own, slower
    models.unix_time_millis = _now_ms  # type: ignore[assignment, attr-defined]  # it exports nothing
    models.camelcase_to_underscores = cache(models.camelcase_to_underscores)  # type: ignore[attr-defined]


def _now_ms() -> float:
    return time.time() * 1000
