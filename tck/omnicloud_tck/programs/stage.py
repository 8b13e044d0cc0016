"""Where a program is played: clients of several tenants, and the states that are possible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from omnicloud.core.context import ServiceInfo
from omnicloud.core.names import Scope
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, OmniCloudError, Outcome, UnavailableError
from omnicloud_tck.check import Broken, that
from omnicloud_tck.probes import Scoping
from omnicloud_tck.programs.deeds import Block, Deed, One
from omnicloud_tck.programs.model import NO_ANSWER, Model, Span
from omnicloud_tck.telling import everything
from omnicloud_tck.world import World

__all__ = ["House", "Stage", "Who", "staged"]

Who = tuple[int, int]
"""Which house, and which of its two clients."""

_SERVICE = ServiceInfo("tck")
_SILENCE = 2.0  # seconds that a call lasts whose backend says nothing, until it is cancelled
_HEARD = 0.1  # seconds after which each client knows of its connections that are closed


class House:
    """One tenant's records.

    Attributes:
        space: What the names of this program begin with.
        states: Those that are possible after all that was answered.
        memory: What else a contract's calls keep: cursors, say.
        other: The other house.
    """

    def __init__(self, tenant: str | None, space: str, model: Model) -> None:
        self.tenant, self.space = tenant, space
        self.states: list[Any] = [model.empty()]
        self.memory: dict[str, Any] = {}
        self.other: House | None = None

    @property
    def state(self) -> Any:
        """One of the possible states."""
        return self.states[0]


class Stage:
    """Two clients, each for both houses.

    Attributes:
        heard: What errors said.
    """

    def __init__(self, world: World[Any], model: Model, houses: tuple[House, House]) -> None:
        self.world, self.model, self.houses = world, model, houses
        self.heard: list[str] = []
        one, two = houses
        one.other, two.other = two, one
        self._slack = 0.15 if world.virtual else 1.2
        self._drivers: list[Any] = []
        self._pipes: dict[Who, Pipeline[Any]] = {}

    async def open(self) -> None:
        """Open both clients."""
        for client in (0, 1):
            self._drivers.append(await self.world.driver())
            self._join(client)

    def _join(self, client: int) -> None:
        for number, house in enumerate(self.houses):
            layers = (Scoping(house.tenant),)
            driver = self._drivers[client]
            self._pipes[number, client] = Pipeline(driver, layers, service=_SERVICE, owned=False)

    async def reopen(self, client: int) -> None:
        """Close a client and open another in its place."""
        await self._drivers[client].aclose()
        self._drivers[client] = await self.world.driver()
        self._join(client)

    async def restart(self) -> None:
        """Kill the backend and bring it back, with new clients."""
        await self.close()
        await self.world.restart()
        await self.open()

    async def close(self) -> None:
        """Close both clients."""
        drivers, self._drivers = self._drivers, []
        for driver in drivers:
            await driver.aclose()

    def pipe(self, who: Who) -> Pipeline[Any]:
        """The way of a client for a house."""
        return self._pipes[who]

    def span(self) -> Span:
        """This moment."""
        now = self.world.clock.monotonic()
        return Span(now, now, self.world.clock.wall(), self._slack)

    # Deeds, and what they teach

    def fits(self, who: Who, deed: Deed) -> bool:
        """Whether the driver's limits allow it."""
        house, driver = self.houses[who[0]], self.pipe(who).driver
        scope = Scope.of(house.tenant)
        try:
            for op in (deed.op,) if isinstance(deed, One) else deed.ops:
                op.scoped(scope).check(driver)
        except InvalidArgumentError:
            return False
        return True

    async def run(self, who: Who, deed: Deed) -> tuple[object, Span]:
        """The answer of a deed and when it came."""
        sent, wall = self.world.clock.monotonic(), self.world.clock.wall()
        answer = await deed.run(self.pipe(who), self._hear)
        return answer, Span(sent, self.world.clock.monotonic(), wall, self._slack)

    def _hear(self, error: BaseException) -> None:
        self.heard.append(everything(error))

    async def do(self, who: Who, deed: Deed) -> object:
        """Do a deed and learn from its answer."""
        answer, span = await self.run(who, deed)
        self.learn(who, lambda state: [deed.after(self.model, state, answer, span)])
        return answer

    def learn(self, who: Who, step: Callable[[Any], Iterable[Any]]) -> None:
        """Keep the states to which a step leads from those that are possible.

        Raises:
            Broken: There is none.
        """
        house = self.houses[who[0]]
        house.states = _possible(house.states, step)

    async def both(
        self, one: tuple[Who, Deed], two: tuple[Who, Deed], turns: int, cut: int | None = None
    ) -> None:
        """Do two deeds at once; they end as one order or the other would.

        Args:
            turns: Of the loop between the beginnings.
            cut: After how many more the second is cancelled.
        """
        first = asyncio.ensure_future(self.run(*one))
        await _turned(turns)
        second = asyncio.ensure_future(self.run(*two))
        if cut is not None:
            await _turned(cut)
            second.cancel()
        await asyncio.wait((first, second))
        ended = (NO_ANSWER, self.span()) if second.cancelled() else second.result()
        done = [(one[1], *_proven(one[1], first.result())), (two[1], *_proven(two[1], ended))]

        def orders(state: Any) -> Iterator[Any]:
            for order in (done, done[::-1]):
                yield from _chain(self.model, state, order)

        try:
            self.learn(one[0], orders)
        except Broken as broken:
            answers = f"{done[0][1]!r:.120} and {done[1][1]!r:.120}"
            raise Broken(f"two calls at once fit no order: {answers} ({broken})") from None

    async def cut(self, who: Who, deed: Deed, turns: int) -> None:
        """Cancel a deed after so many turns of the loop; it is done or not, whole."""
        task = asyncio.ensure_future(self.run(who, deed))
        await _turned(turns)
        task.cancel()
        await asyncio.wait((task,))
        await self.world.sleep(self.world.on_its_way)
        self._ended(who, deed, task)

    async def lost(self, who: Who, deed: Deed) -> None:
        """Do a deed whose answer is lost."""
        async with self.world.cut_mid_answer(0):
            task = asyncio.ensure_future(self.run(who, deed))
            await asyncio.wait((task,))
        self._ended(who, deed, task)

    async def outage(self, who: Who, deed: Deed, turns: int) -> None:
        """Do a deed that an outage meets after so many turns of the loop."""
        task = asyncio.ensure_future(self.run(who, deed))
        await _turned(turns)
        async with self.world.outage():
            await asyncio.wait((task,))
        await self._reset_is_heard()
        self._ended(who, deed, task)

    async def silence(self, who: Who, deed: Deed) -> None:
        """Do a deed that a silent backend swallows; what is given up is not done later."""
        async with self.world.partition():
            task = asyncio.ensure_future(self.run(who, deed))
            await asyncio.wait((task,), timeout=_SILENCE)
            task.cancel()
            await asyncio.wait((task,))
        await self._reset_is_heard()
        self._ended(who, deed, task)

    async def slow(self, who: Who, deed: Deed, seconds: float) -> None:
        """Do a deed of a backend that is slow."""
        async with self.world.slow(seconds * 1000):
            await self.do(who, deed)

    async def _reset_is_heard(self) -> None:
        """Let clients drop what was reset: a request sent on it would be lost, and rightly so."""
        if not self.world.virtual:
            await self.world.sleep(_HEARD)

    def _ended(self, who: Who, deed: Deed, task: asyncio.Task[tuple[object, Span]]) -> None:
        """Learn from a deed that something came between."""
        error = None if task.cancelled() else task.exception()
        if not task.cancelled() and error is None:
            answer, span = task.result()
            self.learn(who, lambda state: [deed.after(self.model, state, answer, span)])
            return
        if error is not None:
            trouble = isinstance(error, UnavailableError | TimeoutError)
            if not isinstance(error, OmniCloudError):
                raise error
            that(trouble, f"trouble on the way is told as {type(error).__name__}")
            if error.outcome is Outcome.NOT_DONE:
                return
        span = self.span()
        self.learn(who, lambda state: deed.halfway(self.model, state, span))


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


async def _turned(turns: int) -> None:
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


@asynccontextmanager
async def staged(
    world: World[Any], model: Model, houses: tuple[House, House]
) -> AsyncIterator[Stage]:
    """A stage, open inside the block."""
    stage = Stage(world, model, houses)
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close()
