"""Makes a failing list of operations small.

Operations are left out in halves, quarters and so on down to single ones: Zeller & Hildebrandt,
"Simplifying and isolating failure-inducing input" (IEEE Trans. Softw. Eng. 28, 2002).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from omnicloud_tck.differential.twins import Step

__all__ = ["shrunk"]

Fails = Callable[[list[Step]], Awaitable[str | None]]


async def shrunk(steps: list[Step], why: str, fails: Fails, tries: int) -> tuple[list[Step], str]:
    """The smallest list found that still fails, and what its failure says.

    Args:
        steps: A list that fails.
        why: What its failure said.
        fails: Plays a list once more; what is wrong, if anything.
        tries: How often it is played at most.
    """
    chunk = max(1, len(steps) // 2)
    while tries > 0:
        before, start = len(steps), 0
        while start < len(steps) and tries > 0:
            fewer = steps[:start] + steps[start + chunk :]
            tries -= 1
            found = await fails(fewer)
            if found is None:
                start += chunk
            else:
                steps, why = fewer, found
        if chunk == 1 and len(steps) == before:
            break
        chunk = max(1, chunk // 2)
    return steps, why
