"""How a document is sealed: each field at its top but ``_id`` becomes bytes of its own.

A field's value is bound to its collection and its name, not to the ``_id``, which an update
by filter does not know: a store that is not to be trusted could swap one field between two
documents of a collection. What needs the service to look into a field is refused.
"""

from __future__ import annotations

from omnicloud.contracts.documents.filters import Compare, Comparison, Exists, Filter, In, leaves
from omnicloud.contracts.documents.models import Document, SortKey
from omnicloud.contracts.documents.paths import Path, written
from omnicloud.contracts.documents.updates import Change, ChangeKind
from omnicloud.contracts.documents.values import decoded, encoded
from omnicloud.core.names import escape
from omnicloud.core.operation import Seal
from omnicloud.errors import CorruptedError, UnsupportedError

__all__ = [
    "check_filter",
    "check_sort",
    "close_changes",
    "close_document",
    "hidden",
    "open_document",
]


def close_document(document: Document, collection: str, seal: Seal) -> Document:
    """The sealed form: the same names, each value but ``_id`` as bytes."""
    return {
        name: value if name == "_id" else seal.close(encoded(value), _place(collection, name))
        for name, value in document.items()
    }


def open_document(document: Document, collection: str, seal: Seal) -> Document:
    """The document.

    Raises:
        CorruptedError: A field does not open.
    """
    return {
        name: value if name == "_id" else _opened(value, _place(collection, name), seal)
        for name, value in document.items()
    }


def _opened(value: object, place: str, seal: Seal) -> object:
    if not isinstance(value, bytes):
        raise CorruptedError("a stored field was not sealed")
    opened: object = decoded(seal.open(value, place))
    return opened


def close_changes(changes: tuple[Change, ...], collection: str, seal: Seal) -> tuple[Change, ...]:
    """The sealed form of an update.

    Raises:
        UnsupportedError: It changes what the service cannot see.
    """
    return tuple(_closed(change, collection, seal) for change in changes)


def _closed(change: Change, collection: str, seal: Seal) -> Change:
    if len(change.path) > 1 or change.kind in (ChangeKind.INC, ChangeKind.PUSH):
        raise hidden(f"{change.kind.value} of {written(change.path)!r}")
    if change.kind is ChangeKind.UNSET:
        return change
    return Change(
        change.kind,
        change.path,
        seal.close(encoded(change.value), _place(collection, change.path[0])),
    )


def check_filter(condition: Filter) -> None:
    """Refuse a filter on what the service cannot see.

    Raises:
        UnsupportedError: It asks for more than ``_id`` and whether a field is there.
    """
    for leaf in leaves(condition):
        if not _visible(leaf):
            raise hidden(f"a filter on {written(leaf.path)!r}")


def _visible(leaf: Compare | In | Exists) -> bool:
    if leaf.path == ("_id",):
        return isinstance(leaf, In | Exists) or leaf.how in Comparison
    return isinstance(leaf, Exists) and len(leaf.path) == 1


def check_sort(sort: tuple[SortKey, ...]) -> None:
    """Refuse an order by what the service cannot see.

    Raises:
        UnsupportedError: It is by another field than ``_id``.
    """
    for key in sort:
        if key.path != ("_id",):
            raise hidden(f"an order by {written(key.path)!r}")


def hidden(what: str) -> UnsupportedError:
    """The refusal, with the way out."""
    return UnsupportedError(
        f"{what} needs the service to see the field, which encryption hides",
        hint="find by _id and look at the documents in your program, or keep what you search "
        "by in a service without encryption",
    )


def _place(collection: str, name: str) -> str:
    # The escaped name holds no slash, so no two places are written alike.
    return f"{collection}/{escape(name)}"


def checked_path(path: Path) -> None:
    """Refuse an index on what the service cannot see."""
    if path != ("_id",):
        raise hidden(f"an index of {written(path)!r}")
