"""What of a batch is published, and in which order."""

from __future__ import annotations

from omnicloud.contracts.messaging.models import Outgoing
from omnicloud_nats.publishing import firsts


def test_of_each_id_the_first_message_is_published_in_its_own_place() -> None:
    batch = [
        Outgoing("one", b"1", key="k"),
        Outgoing("two", b"2", key="k"),
        Outgoing("one", b"3", key="k"),
    ]
    assert firsts(batch) == batch[:2]
