"""One tenant's records as requests leave them: the states that are possible, and trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, OmniCloudError, Outcome, UnavailableError
from omnicloud_tck.check import Broken, that
from omnicloud_tck.programs.cast import Scene
from omnicloud_tck.programs.deeds import Block, Deed
from omnicloud_tck.programs.model import NO_ANSWER, Model, Span

__all__ = ["House", "turned"]

_SILENCE = 2.0  # seconds that a call lasts whose backend says nothing, until it is cancelled
_HEARD = 0.1  # seconds after which each client knows of its connections that are closed
_SLACK, _SLACK_OVER_A_WIRE = 0.15, 1.2  # seconds by which times may be told wrongly


class House:
    """One tenant's records, and two clients that know them.

    Attributes:
        space: What the names of this program begin with.
        states: Those that are possible after all that was answered.
        memory: What else a contract's calls keep: cursors, say.
    """

    def __init__(self, scene: Scene, model: Model) -> None:
        self.space, self.world, self.model = scene.space, scene.world, model
        self.states: list[Any] = [model.empty()]
        self.memory: dict[str, Any] = {}
        self._scene = scene
        self._slack = _SLACK if scene.world.virtual else _SLACK_OVER_A_WIRE

    @property
    def state(self) -> Any:
        """One of the possible states."""
        return self.states[0]

    @property
    def other(self) -> House | None:
        """Another tenant's, if there is one."""
        return next((one for one in self._scene.company if one is not self), None)

    def pipe(self, client: int) -> Pipeline[Any]:
        """The way of a client."""
        return self._scene.pipes[client]

    def span(self) -> Span:
        """This moment."""
        now = self.world.clock.monotonic()
        return Span(now, now, self.world.clock.wall(), self._slack)

    def since(self, begun: Span) -> Span:
        """From then to this moment: of what ends meanwhile either may be told."""
        return Span(begun.sent, self.world.clock.monotonic(), begun.wall, self._slack)

    # Deeds, and what they teach

    def fits(self, deed: Deed) -> bool:
        """Whether the driver's limits allow it."""
        driver = self.pipe(0).driver
        try:
            for op in deed.bounded():
                op.scoped(self._scene.scope).check(driver)
        except InvalidArgumentError:
            return False
        return True

    async def run(self, client: int, deed: Deed) -> tuple[object, Span]:
        """The answer of a deed and when it came."""
        sent, wall = self.world.clock.monotonic(), self.world.clock.wall()
        answer = await deed.run(self.pipe(client))
        return answer, Span(sent, self.world.clock.monotonic(), wall, self._slack)

    async def do(self, client: int, deed: Deed) -> object:
        """Do a deed and learn from its answer."""
        answer, span = await self.run(client, deed)
        self.learn(lambda state: [deed.after(self.model, state, answer, span)])
        return answer

    def learn(self, step: Callable[[Any], Iterable[Any]]) -> None:
        """Keep the states to which a step leads from those that are possible.

        Raises:
            Broken: There is none.
        """
        self.states = _possible(self.states, step)

    async def both(
        self, one: tuple[int, Deed], two: tuple[int, Deed], turns: int, cut: int | None = None
    ) -> None:
        """Do two deeds at once; they end as one order or the other would.

        Args:
            turns: Of the loop between the beginnings.
            cut: After how many more the second is cancelled.
        """
        first = asyncio.ensure_future(self.run(*one))
        await turned(turns)
        second = asyncio.ensure_future(self.run(*two))
        if cut is not None:
            await turned(cut)
            second.cancel()
        await asyncio.wait((first, second))
        ended = (NO_ANSWER, self.span()) if second.cancelled() else second.result()
        done = [(one[1], *_proven(one[1], first.result())), (two[1], *_proven(two[1], ended))]

        def orders(state: Any) -> Iterator[Any]:
            for order in (done, done[::-1]):
                yield from _chain(self.model, state, order)

        try:
            self.learn(orders)
        except Broken as broken:
            answers = f"{done[0][1]!r:.120} and {done[1][1]!r:.120}"
            raise Broken(f"two calls at once fit no order: {answers} ({broken})") from None

    async def cut(self, client: int, deed: Deed, turns: int) -> None:
        """Cancel a deed after so many turns of the loop; it is done or not, whole."""
        task = asyncio.ensure_future(self.run(client, deed))
        await turned(turns)
        task.cancel()
        await asyncio.wait((task,))
        await self.world.sleep(self.world.on_its_way)
        self._ended(deed, task)

    async def lost(self, client: int, deed: Deed) -> None:
        """Do a deed whose answer is lost."""
        async with self.world.cut_mid_answer(0):
            task = asyncio.ensure_future(self.run(client, deed))
            await asyncio.wait((task,))
        self._ended(deed, task)

    async def outage(self, client: int, deed: Deed, turns: int) -> None:
        """Do a deed that an outage meets after so many turns of the loop."""
        task = asyncio.ensure_future(self.run(client, deed))
        await turned(turns)
        async with self.world.outage():
            await asyncio.wait((task,))
        await self._reset_is_heard()
        self._ended(deed, task)

    async def silence(self, client: int, deed: Deed) -> None:
        """Do a deed that a silent backend swallows; what is given up is not done later."""
        async with self.world.partition():
            task = asyncio.ensure_future(self.run(client, deed))
            await asyncio.wait((task,), timeout=_SILENCE)
            task.cancel()
            await asyncio.wait((task,))
        await self._reset_is_heard()
        self._ended(deed, task)

    async def slow(self, client: int, deed: Deed, seconds: float) -> None:
        """Do a deed of a backend that is slow."""
        async with self.world.slow(seconds * 1000):
            await self.do(client, deed)

    async def _reset_is_heard(self) -> None:
        """Let clients drop what was reset: a request sent on it would be lost, and rightly so."""
        if not self.world.virtual:
            await self.world.sleep(_HEARD)

    def _ended(self, deed: Deed, task: asyncio.Task[tuple[object, Span]]) -> None:
        """Learn from a deed that something came between."""
        error = None if task.cancelled() else task.exception()
        if not task.cancelled() and error is None:
            answer, span = task.result()
            self.learn(lambda state: [deed.after(self.model, state, answer, span)])
            return
        if error is not None:
            trouble = isinstance(error, UnavailableError | TimeoutError)
            if not isinstance(error, OmniCloudError):
                raise error
            that(trouble, f"trouble on the way is told as {type(error).__name__}")
            if error.outcome is Outcome.NOT_DONE:
                return
        span = self.span()
        self.learn(lambda state: deed.halfway(self.model, state, span))


def _proven(deed: Deed, ended: tuple[object, Span]) -> tuple[object, Span]:
    """The answer of a deed beside another, as far as it has to fit an order.

    A store may look only at the end whether another writer came into a transaction. One that is
    undone has no such end: what it read may be of several moments, but nothing of it stays.
    """
    if isinstance(deed, Block) and not deed.keep:
        return NO_ANSWER, ended[1]
    return ended


def _possible(states: list[Any], step: Callable[[Any], Iterable[Any]]) -> list[Any]:
    found: list[Any] = []
    first: Broken | None = None
    for state in states:
        try:
            found += [one for one in step(state) if one not in found]
        except Broken as broken:
            first = first or broken
    if not found:
        raise first or Broken("nothing explains these answers")
    return found


async def turned(turns: int) -> None:
    """Let the loop turn so often."""
    for _ in range(turns):
        await asyncio.sleep(0)


def _chain(model: Model, state: Any, order: list[tuple[Deed, object, Span]]) -> Iterator[Any]:
    """The states after these deeds in this order; none where they cannot be."""
    if not order:
        yield state
        return
    (deed, answer, span), *rest = order
    try:
        if answer is NO_ANSWER:
            states = list(deed.halfway(model, state, span))
        else:
            states = [deed.after(model, state, answer, span)]
    except Broken:
        return
    for one in states:
        yield from _chain(model, one, rest)
