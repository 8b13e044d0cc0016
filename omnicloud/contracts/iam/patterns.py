"""Patterns in which ``*`` is any run of characters and everything else is itself."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["matches"]


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text, letter for letter.

    Each fixed part is looked for once, from left to right, so no pattern makes it try again:
    the cost grows with the length of the text, not with the number of stars.
    """
    if "*" not in pattern:
        return pattern == text
    head, middle, tail = _parts(pattern)
    if len(text) < len(head) + len(tail):
        return False
    if not text.startswith(head) or not text.endswith(tail):
        return False
    at, end = len(head), len(text) - len(tail)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[str, tuple[str, ...], str]:
    head, *middle, tail = pattern.split("*")
    return head, tuple(part for part in middle if part), tail
