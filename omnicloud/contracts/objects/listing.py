"""How a page of a listing is made, for drivers whose service does not make it."""

from __future__ import annotations

from collections.abc import Iterable

from omnicloud.contracts.objects.models import Listed, ObjectPage

__all__ = ["common_prefix", "page_of"]


def common_prefix(key: str, prefix: str, delimiter: str | None) -> str | None:
    """What stands for ``key`` in a listing by ``delimiter``; ``None``: the key itself."""
    if delimiter is None:
        return None
    place = key.find(delimiter, len(prefix))
    return None if place < 0 else key[: place + len(delimiter)]


def page_of(
    entries: Iterable[Listed], prefix: str, delimiter: str | None, cursor: str | None, limit: int
) -> ObjectPage:
    """The page after ``cursor``, which is the last line of the page before.

    ``entries`` are objects with the prefix in code-point order; those up to the cursor may be
    left out of them.
    """
    lines: list[Listed] = []
    last = cursor
    for entry in entries:
        shared = common_prefix(entry.key, prefix, delimiter)
        line = entry if shared is None else Listed(shared)
        # A common prefix sorts before all that it stands for, so it is passed as they come.
        if last is not None and line.key <= last:
            continue
        if len(lines) == limit:
            return ObjectPage(tuple(lines), last)
        lines.append(line)
        last = line.key
    return ObjectPage(tuple(lines))
