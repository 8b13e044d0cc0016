"""moto's tables, copied in less time than their items take.

Before a transaction moto copies every table that it names, with all that is in it, for the case
that it must go back; a thousand documents cost a second. An item is put in the place of another
and not changed, but where a request updates it: of those in a transaction are guards alone, so
the others are shared between the table and its copy.

A query puts all items of a table in order first, and asks of each of their keys many times over
what type it is of. Here the keys are looked at once for each item, and what is text or bytes is
compared as such. Then it copies all that it found, before most of it is filtered or projected away;
an answer is written before the next request is looked at, so the items themselves will do.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

__all__ = ["quicken"]

_UPDATED = "guards"
_TEXTS = ("S", "B")
_PLAIN = (*_TEXTS, "BOOL")


def quicken() -> None:
    """Let tables be copied so, from now on in this process."""
    from moto.dynamodb.models import table
    from moto.dynamodb.models.dynamo_type import DynamoType
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.models.utilities import bytesize

    Table.__deepcopy__ = _copied  # type: ignore[attr-defined]  # it has none of its own
    table.copy = SimpleNamespace(copy=copy.copy, deepcopy=_copied_unless_found)  # type: ignore[assignment, attr-defined]  # what it imports
    Table.all_items = _in_order  # type: ignore[assignment, method-assign]  # moto's own, slower
    theirs = DynamoType.cast_value.fget  # type: ignore[attr-defined]  # a property

    def cast(held: DynamoType) -> Any:
        return held.value if held.type in _PLAIN else theirs(held)

    their_size = DynamoType.size

    def size(held: DynamoType) -> int:
        return bytesize(held.value) if held.type in _TEXTS else their_size(held)

    DynamoType.cast_value = property(cast)  # type: ignore[assignment, method-assign]  # moto's own, slower
    DynamoType.size = size  # type: ignore[assignment, method-assign]  # moto's own, slower


def _copied(table: Any, memo: dict[int, Any]) -> Any:
    twin = copy.copy(table)
    twin.items = defaultdict(dict)
    for partition, items in table.items.items():
        updated = str(partition.value).startswith(_UPDATED)
        twin.items[partition] = copy.deepcopy(items, memo) if updated else copy.copy(items)
    return twin


def _copied_unless_found(held: Any, memo: dict[int, Any] | None = None) -> Any:
    """A copy; of a list of items, which is what a query found, the same items."""
    from moto.dynamodb.models.dynamo_type import Item

    if isinstance(held, list) and held and isinstance(held[0], Item):
        return list(held)
    return copy.deepcopy(held, memo)


def _in_order(table: Any) -> list[Any]:
    if not table.range_key_attr:
        return sorted(table.items.values(), key=lambda item: item.hash_key.cast_value)
    items = [item for partition in table.items.values() for item in partition.values()]
    return sorted(items, key=lambda item: (item.hash_key.cast_value, item.range_key.cast_value))
