"""Makes a failing list of operations small, and its operations simple.

Operations are left out in halves, quarters and so on down to single ones: Zeller & Hildebrandt,
"Simplifying and isolating failure-inducing input" (IEEE Trans. Softw. Eng. 28, 2002).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from omnicloud_tck.programs.cast import Step

__all__ = ["shrunk"]

_SMALL = 3  # up to it numbers are clients, kinds and counts, which need not be 0

Fails = Callable[[list[Step]], Awaitable[str | None]]


async def shrunk(steps: list[Step], why: str, fails: Fails, tries: int) -> tuple[list[Step], str]:
    """The smallest list found that still fails, and what its failure says.

    Args:
        steps: A list that fails.
        why: What its failure said.
        fails: Plays a list once more; what is wrong, if anything.
        tries: How often it is played at most.
    """
    search = _Search(steps, why, fails, tries)
    await search.fewer()
    while await search.simpler() and search.tries > 0:
        await search.fewer()
    return search.steps, search.why


class _Search:
    def __init__(self, steps: list[Step], why: str, fails: Fails, tries: int) -> None:
        self.steps, self.why, self.tries = steps, why, tries
        self._fails = fails

    async def _try(self, steps: list[Step]) -> bool:
        if self.tries <= 0:
            return False
        self.tries -= 1
        found = await self._fails(steps)
        if found is not None:
            self.steps, self.why = steps, found
        return found is not None

    async def fewer(self) -> None:
        """Leave out what is not needed."""
        chunk = max(1, len(self.steps) // 2)
        while self.tries > 0:
            before, start = len(self.steps), 0
            while start < len(self.steps) and self.tries > 0:
                if not await self._try(self.steps[:start] + self.steps[start + chunk :]):
                    start += chunk
            if chunk == 1 and len(self.steps) == before:
                return
            chunk = max(1, chunk // 2)

    async def simpler(self) -> bool:
        """Make larger numbers 0 and payloads empty where that does; whether any was."""
        better = False
        for place in range(len(self.steps)):
            for plain in _plainer(self.steps[place]):
                changed = [*self.steps[:place], plain, *self.steps[place + 1 :]]
                if await self._try(changed):
                    better = True
                    break
        return better


def _plainer(step: Step) -> Iterator[Step]:
    """The step with all that can be plain, also in its calls, then with one of them."""
    every = tuple(map(_plain, step))
    if every != step:
        yield every
    for place, part in enumerate(step):
        for plain in _one_plain(part) if isinstance(part, tuple) else (_plain(part),):
            if plain != part:
                yield (*step[:place], plain, *step[place + 1 :])


def _one_plain(call: Step) -> Iterator[Step]:
    for place, part in enumerate(call):
        yield (*call[:place], _plain_part(part), *call[place + 1 :])


def _plain(part: object) -> object:
    return tuple(map(_plain_part, part)) if isinstance(part, tuple) else _plain_part(part)


def _plain_part(part: object) -> object:
    if isinstance(part, int) and part > _SMALL:
        return 0
    return b"" if isinstance(part, bytes) else part
