"""The laws of messaging about concurrent clients."""

from __future__ import annotations

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.messaging import Topics
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab

__all__ = ["MessagingHistories"]


class MessagingHistories(Contract):
    """What holds for every history of several clients."""

    @law(
        "MS-110",
        "However clients publish, receive, settle and are cancelled, nothing acknowledged is "
        "lost, and no message is lent to two at once or again after its ack.",
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def deliveries_are_sound(self, lab: Lab) -> None:
        virtual = lab.world.virtual
        explore(lab, Topics(virtual=virtual, ordered=False), restarts=virtual)

    @law(
        "MS-111",
        "However clients publish, receive, settle and are cancelled, no message overtakes an "
        "older one of its key.",
        needs=[MessagingFeature.ORDERED],
        machine=True,
        rung=Rung.CONCURRENCY,
    )
    def no_message_overtakes(self, lab: Lab) -> None:
        virtual = lab.world.virtual
        explore(lab, Topics(virtual=virtual, ordered=True), restarts=virtual)
