"""An iam driver as a machine changed it: a matcher that counts a letter twice."""

from __future__ import annotations

from broken.registry import broken
from omnicloud.contracts.iam import evaluate as rules
from omnicloud.contracts.iam.driver import Decide
from omnicloud.contracts.iam.models import Decision
from omnicloud.memory.iam import MemoryIAM
from omnicloud_tck.iam import IAMContract


def _overlapping(pattern: str, text: str) -> bool:
    """Whether each part is in the text, one behind another, and the last one at its end."""
    if "*" not in pattern:
        return pattern == text
    head, *middle, tail = pattern.split("*")
    at = len(head)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return text.startswith(head) and text.endswith(tail)


@broken(
    "MUT-IA-01", "T4", "the end of a text counts for the last two parts of a pattern", IAMContract
)
class CountsTwice(MemoryIAM):
    """ "* is any run of characters", so *ab*b is not ab. Met by a rule of several parts."""

    async def decide(self, op: Decide, /) -> Decision:
        await self._store.reading()
        names = vars(rules)
        right, names["matches"] = names["matches"], _overlapping
        try:
            return rules.evaluate(self._policies(), op.access)
        finally:
            names["matches"] = right
