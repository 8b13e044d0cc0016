"""What the service refuses and moto does not: a transaction that reads more than 4 MB.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html, 2026-11
"""

from __future__ import annotations

from typing import Any

__all__ = ["impose"]

_MOST_BYTES = 4 << 20


def impose() -> None:
    """Let such transactions be refused, from now on in this process."""
    from moto.dynamodb.exceptions import MockValidationException
    from moto.dynamodb.responses import DynamoHandler

    theirs = DynamoHandler.transact_get_items

    def transact_get_items(handler: Any) -> Any:
        asked = [item["Get"] for item in handler.body["TransactItems"]]
        found = [handler.dynamodb_backend.get_item(one["TableName"], one["Key"]) for one in asked]
        if sum(item.size() for item in found if item) > _MOST_BYTES:
            raise MockValidationException("the items in the transaction have more than 4 MB")
        return theirs(handler)

    DynamoHandler.transact_get_items = transact_get_items  # type: ignore[assignment, method-assign]  # moto's own, laxer
