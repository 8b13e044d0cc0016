"""Scans in work: what the first page found, in order, for the pages after it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Scans"]

T = TypeVar("T")

_MOST = 32


class Scans(Generic[T]):
    """The lines of the last few scans; one that is forgotten goes on with new lines.

    A stream gives names in the order in which they were written, so a page needs them all.
    """

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[str, str], list[T]] = OrderedDict()
        self._begun = 0

    def keep(self, prefix: str, lines: list[T]) -> str:
        """Keep the lines of a scan, and name it."""
        self._begun += 1
        scan = str(self._begun)
        self._lines[scan, prefix] = lines
        while len(self._lines) > _MOST:
            self._lines.popitem(last=False)
        return scan

    def get(self, prefix: str, scan: str) -> list[T] | None:
        """The lines of a scan; ``None`` where it is forgotten, or of another process or prefix."""
        lines = self._lines.get((scan, prefix))
        if lines is not None:
            self._lines.move_to_end((scan, prefix))
        return lines

    def forget(self, prefix: str, scan: str) -> None:
        """Let go of a scan that has ended."""
        self._lines.pop((scan, prefix), None)
