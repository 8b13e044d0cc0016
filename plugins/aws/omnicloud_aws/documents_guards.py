"""Guards of a collection: how a write that searched knows that nobody wrote meanwhile.

DynamoDB changes an item if it is unchanged, but does not know whether an earlier one matches by
now. So every write counts up one guard of its collection in the same transaction, any of them,
and one that searched makes sure that none has counted since it began. Several, because two
transactions that meet at an item are one too many. They name the indexes too: a writer that
knows them differently is refused.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnicloud_aws.client import Client
from omnicloud_aws.documents_items import Place
from omnicloud_aws.errors import RefusedError, refusal

__all__ = ["CANCELLED", "Guards", "MovedError", "bumped", "codes", "read_guards", "renamed"]

_GUARDS = 8
CANCELLED = "TransactionCanceledException"
_MEETS = ("TransactionConflict", "TransactionConflictException")
_FAILS = "ConditionalCheckFailed"


class MovedError(Exception):
    """Another writer came first; nothing was done."""


@dataclass(frozen=True, slots=True)
class Guards:
    """All guards at one moment: their counts, ``None`` where one is not there, and indexes."""

    counts: tuple[int | None, ...]
    indexes: str


async def read_guards(client: Client, place: Place) -> Guards:
    """The guards of a collection.

    Raises:
        MovedError: Somebody writes at this moment.
    """
    asked = [{"Get": place.at("guards", bytes((number,)))} for number in range(_GUARDS)]
    try:
        answer = await client.ask("transact_get_items", (CANCELLED,), TransactItems=asked)
    except RefusedError as refused:
        codes(refused)
        raise MovedError from None
    items = [told.get("Item") or {} for told in answer["Responses"]]
    counts = tuple(int(item["g"]["N"]) if "g" in item else None for item in items)
    return Guards(counts, str(items[0].get("i", {"S": ""})["S"]))


def bumped(place: Place, guards: Guards | None, indexes: str) -> list[dict[str, Any]]:
    """The actions that count a write; with ``guards``, if none has counted since."""
    chosen = random.randrange(_GUARDS)  # noqa: S311 - spreads load
    if guards is None:
        return [_counted(place, chosen, _named(indexes))]
    return [
        _counted(place, number, _unmoved(count))
        if number == chosen
        else {"ConditionCheck": {**place.at("guards", bytes((number,))), **_unmoved(count)}}
        for number, count in enumerate(guards.counts)
    ]


def renamed(place: Place, guards: Guards, indexes: str) -> list[dict[str, Any]]:
    """The actions that give all guards other indexes, if none has counted since."""
    actions = []
    for number, count in enumerate(guards.counts):
        condition = _unmoved(count)
        given = {**condition.pop("ExpressionAttributeValues", {}), ":i": {"S": indexes}}
        action = _counted(place, number, {**condition, "ExpressionAttributeValues": given})
        action["Update"]["UpdateExpression"] += " SET i = :i"
        actions.append(action)
    return actions


def _counted(place: Place, number: int, condition: Mapping[str, Any]) -> dict[str, Any]:
    values = {**condition.get("ExpressionAttributeValues", {}), ":one": {"N": "1"}}
    where = place.at("guards", bytes((number,)))
    more = {"UpdateExpression": "ADD g :one", "ExpressionAttributeValues": values}
    return {"Update": {**where, **condition, **more}}


def _named(indexes: str) -> dict[str, Any]:
    if not indexes:
        return {"ConditionExpression": "attribute_not_exists(i)"}
    return {
        "ConditionExpression": "i = :i",
        "ExpressionAttributeValues": {":i": {"S": indexes}},
    }


def _unmoved(count: int | None) -> dict[str, Any]:
    if count is None:
        return {"ConditionExpression": "attribute_not_exists(g)"}
    return {
        "ConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"N": str(count)}},
    }


def codes(refused: RefusedError) -> list[bool]:
    """By action of a cancelled transaction, whether its condition did not hold.

    Raises:
        MovedError: Another transaction is at one of the items.
        OmniCloudError: Something else was the cause.
    """
    reasons = refused.answer.get("CancellationReasons") or ()
    told = [str(one.get("Code") or "None") for one in reasons]
    others = [code for code in told if code not in ("None", _FAILS, *_MEETS)]
    if others or not told:
        metadata = refused.answer.get("ResponseMetadata", {})
        first = others[0] if others else refused.code
        raise refusal(RefusedError({"Error": {"Code": first}, "ResponseMetadata": metadata}))
    if any(code in _MEETS for code in told):
        raise MovedError
    return [code == _FAILS for code in told]
