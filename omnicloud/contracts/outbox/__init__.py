"""Events saved beside business writes, published later, at least once."""

from omnicloud.contracts.outbox.driver import OutboxDriver
from omnicloud.contracts.outbox.models import (
    EventStatus,
    OutboxEvent,
    OutboxFeature,
    OutboxLag,
    OutboxLimits,
    StoredEvent,
)
from omnicloud.contracts.outbox.portable import Outbox
from omnicloud.contracts.outbox.relay import Relay, RelayHealth

__all__ = [
    "EventStatus",
    "Outbox",
    "OutboxDriver",
    "OutboxEvent",
    "OutboxFeature",
    "OutboxLag",
    "OutboxLimits",
    "Relay",
    "RelayHealth",
    "StoredEvent",
]
