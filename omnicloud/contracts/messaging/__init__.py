"""Messages by topic: published once, delivered to each group until it has handled them."""

from omnicloud.contracts.messaging.consumer import Consumer
from omnicloud.contracts.messaging.driver import MessagingDriver
from omnicloud.contracts.messaging.models import (
    ConsumerHealth,
    ConsumerState,
    DeadLetter,
    Depth,
    Handler,
    Message,
    MessagingFeature,
    MessagingLimits,
    ProcessingOutcome,
)
from omnicloud.contracts.messaging.portable import Messaging
from omnicloud.core.backoff import Backoff

__all__ = [
    "Backoff",
    "Consumer",
    "ConsumerHealth",
    "ConsumerState",
    "DeadLetter",
    "Depth",
    "Handler",
    "Message",
    "Messaging",
    "MessagingDriver",
    "MessagingFeature",
    "MessagingLimits",
    "ProcessingOutcome",
]
