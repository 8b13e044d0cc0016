"""The saga of an order: stock, payment, confirmation; or all of it undone."""

from __future__ import annotations

import json
from functools import partial
from typing import final

from omnicloud import OmniCloud, OutboxEvent
from omnicloud.contracts.sagas import Saga, StepContext, step

from .accounts import Accounts, NotEnoughError
from .intake import TAKEN_TOPIC
from .model import CREDITS, STOCK, order_of

__all__ = ["SETTLED_TOPIC", "Fulfilment", "invoice_key", "open_shop"]

SETTLED_TOPIC = "orders.settled"
_UNTIL_DONE = 1_000_000


async def open_shop(cloud: OmniCloud) -> None:
    """Fill the shelves and the customers' accounts, once.

    And make the groups that read what is published: what is told from now on reaches them.
    """
    await cloud.documents("orders").create_index("orders", "status")
    for topic, group in ((TAKEN_TOPIC, "fulfilment"), (SETTLED_TOPIC, "letters")):
        await cloud.messaging("broker").subscribe(topic, group)
        await cloud.messaging("broker").subscribe(topic, "audit")
    await Accounts(cloud, "stock").open(STOCK)
    await Accounts(cloud, "payments").open(CREDITS)


def invoice_key(order_key: str) -> str:
    """Where the invoice of an order lies."""
    return f"invoices/{order_key}.json"


@final
class Fulfilment:
    """Steps that may run again after any crash; ``saga`` is what the engine runs."""

    def __init__(self, cloud: OmniCloud) -> None:
        self._cloud = cloud
        self._stock = Accounts(cloud, "stock")
        self._payments = Accounts(cloud, "payments")
        # A store that is away is no reason to reject an order, nor to leave it half undone.
        declare = partial(step, retries=_UNTIL_DONE, give_up_on=(NotEnoughError,))
        self.saga = Saga(
            "order",
            [
                declare(self._reserve, self._reject, name="reserve stock"),
                declare(self._charge, self._refund, name="charge"),
                # Once an order may be confirmed there is no way back, so nothing undoes it.
                declare(self._confirm, name="confirm"),
            ],
        )

    async def _reserve(self, context: StepContext) -> None:
        order = order_of(context.saga_id, context.payload)
        await self._stock.take(context.idempotency_key, order.lines)

    async def _reject(self, context: StepContext) -> None:
        """The last compensation to run: what was reserved goes back and the order is off."""
        await self._stock.give_back(context.action_key)
        await self._settle(context.saga_id, "rejected")

    async def _charge(self, context: StepContext) -> None:
        order = order_of(context.saga_id, context.payload)
        await self._payments.take(context.idempotency_key, {order.customer: order.cents})

    async def _refund(self, context: StepContext) -> None:
        await self._payments.give_back(context.action_key)

    async def _confirm(self, context: StepContext) -> None:
        order = order_of(context.saga_id, context.payload)
        invoice = {"order": order.key, "customer": order.customer, "cents": order.cents}
        # The same bytes under the same key, however often this runs.
        await self._cloud.objects("invoices").upload(
            invoice_key(order.key), json.dumps(invoice).encode(), content_type="application/json"
        )
        await self._settle(order.key, "confirmed")

    async def _settle(self, key: str, status: str) -> None:
        """Change the order and tell of it in one transaction; once."""
        async with self._cloud.transaction() as tx:
            open_order = {"_id": key, "status": "taken"}
            found = await tx.documents("orders").update_one(
                "orders", open_order, {"$set": {"status": status}}
            )
            if found.matched:
                payload = json.dumps({"order": key, "status": status}).encode()
                await tx.outbox("events").save_event(
                    OutboxEvent(SETTLED_TOPIC, payload, message_key=key)
                )
