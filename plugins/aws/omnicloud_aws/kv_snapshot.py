"""Several keys as they were at one moment, however large they are together.

The service reads up to a hundred items in a transaction, but no more than 4 MB. What is more is
read item by item, then those that were not there are asked for again in a transaction, which
weighs nothing, and then the versions of the others. If none of it has changed, all of it was so
at the moment of that transaction: no two writes have one version. If some has, all begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio.lowlevel

from omnicloud.core.together import together
from omnicloud.errors import ThrottledError
from omnicloud_aws.client import Client
from omnicloud_aws.errors import RefusedError, refusal
from omnicloud_aws.kv_table import Item

__all__ = ["CANCELLED", "snapshot", "why"]

CANCELLED = "TransactionCanceledException"
_INVALID = ("ValidationException", "ValidationError")
_TURNS = 16
_AT_ONCE = 8

_Items = list[Item | None]
_Places = Sequence[Mapping[str, Any]]


async def snapshot(client: Client, places: _Places) -> _Items:
    """The items at those places, as ``get_item`` names them; ``None`` where none is.

    Raises:
        ThrottledError: They are more than 4 MB, and others wrote them all the time.
    """
    try:
        return await _at_once(client, places)
    except RefusedError as refused:
        # The service has no word of its own for "too much at once": what else is wrong with the
        # request is said again below.
        if refused.code not in _INVALID:
            raise refusal(refused) from None
    for _ in range(_TURNS):
        found = await _one_by_one(client, places)
        if await _stands(client, places, found):
            return found
    raise ThrottledError("the keys are large, and others wrote them whenever they were read")


async def _stands(client: Client, places: _Places, found: _Items) -> bool:
    """Whether there was a moment, since they were read, at which all were as they were read."""
    absent = [place for place, item in zip(places, found, strict=True) if item is None]
    present = [place for place, item in zip(places, found, strict=True) if item is not None]
    try:
        if any(await _at_once(client, absent)):
            return False
    except RefusedError as refused:
        if refused.code not in _INVALID:
            raise refusal(refused) from None
        return False  # some are there now, and so large
    versions = [item["n"] for item in found if item is not None]
    later = await _one_by_one(client, present, ProjectionExpression="n")
    return versions == [item["n"] if item else None for item in later]


async def _at_once(client: Client, places: _Places) -> _Items:
    if not places:
        await anyio.lowlevel.checkpoint()
        return []
    asked = [{"Get": place} for place in places]
    try:
        answer = await client.ask("transact_get_items", (CANCELLED, *_INVALID), TransactItems=asked)
    except RefusedError as refused:
        raise why(refused) from None
    return [told.get("Item") for told in answer["Responses"]]


async def _one_by_one(client: Client, places: _Places, **more: Any) -> _Items:
    async def one(place: Mapping[str, Any]) -> Item | None:
        answer = await client.ask("get_item", ConsistentRead=True, **place, **more)
        return answer.get("Item") or None

    return await together(one, places, _AT_ONCE)


def why(refused: RefusedError) -> RefusedError:
    """The refusal of the one item for which a transaction was cancelled."""
    reasons = refused.answer.get("CancellationReasons") or ()
    codes = [one.get("Code") for one in reasons if one.get("Code") not in (None, "None")]
    if not codes:
        return refused
    metadata = refused.answer.get("ResponseMetadata", {})
    return RefusedError({"Error": {"Code": codes[0]}, "ResponseMetadata": metadata})
