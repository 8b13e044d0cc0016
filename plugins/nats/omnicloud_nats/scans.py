"""Scans in work: the names that the first page found, in order, for the pages after it."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict

from omnicloud.contracts.kv.models import Page

__all__ = ["Scans"]

_MOST = 32


class Scans:
    """The names of the last few scans; a scan that is forgotten is resumed with new names.

    A stream gives names in the order in which they were written, so a page needs them all.
    """

    def __init__(self) -> None:
        self._names: OrderedDict[str, list[str]] = OrderedDict()
        self._begun = 0

    def begin(self, names: list[str]) -> str:
        """Keep the sorted names of a scan; its cursor before the first page."""
        self._begun += 1
        scan = str(self._begun)
        self._names[scan] = names
        while len(self._names) > _MOST:
            self._names.popitem(last=False)
        return f"{scan}/"

    def page(self, cursor: str, limit: int) -> Page | None:
        """The page after a cursor, or ``None`` where the scan is not known."""
        scan, _, after = cursor.partition("/")
        names = self._names.get(scan)
        if names is None:
            return None
        start = bisect_right(names, after) if after else 0
        keys = tuple(names[start : start + limit])
        if start + limit >= len(names):
            del self._names[scan]
            return Page(keys)
        self._names.move_to_end(scan)
        return Page(keys, f"{scan}/{keys[-1]}")

    def resumed(self, cursor: str, names: list[str], limit: int) -> Page:
        """The page after a cursor whose scan is not known, of names that were found anew."""
        after = cursor.partition("/")[2]
        begun = self.begin(names)
        return self.page(begun + after, limit) or Page(())
