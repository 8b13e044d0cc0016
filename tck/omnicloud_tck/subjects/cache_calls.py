"""The calls of cache: what is drawn of each, and the requests that they become."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Claim, Clear, Delete, Fill, Get, Set, Touch, Unclaim
from omnicloud.core.codec import BYTES
from omnicloud.core.operation import Feature
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.calls import Calls
from omnicloud_tck.programs.chances import Chance, Verb, name, of, one_of, payload
from omnicloud_tck.programs.deeds import Deed, One
from omnicloud_tck.programs.houses import House
from omnicloud_tck.programs.lives import life_of
from omnicloud_tck.subjects.cache_model import CacheModel, CacheState, Held
from omnicloud_tck.world import World

__all__ = ["CacheCalls"]

Call = tuple[Any, ...]

_FLIGHT: frozenset[Feature] = frozenset({CacheFeature.CROSS_PROCESS_FLIGHT})
_TOUCH: frozenset[Feature] = frozenset({CacheFeature.TOUCH})
_CLEAR: frozenset[Feature] = frozenset({CacheFeature.CLEAR})

_SHORT = (0.45, 2.2, 7.4, 64.5)
_LASTING = (None, None, 600.0, 7205.5, 40 * 86_400.0, 400 * 86_400.0, 3_000_000.7)
_MANY = (26, 101, 130, 1001)
_LOOKER = "looker"


def _life(chance: Chance) -> float | None:
    return chance.choice(_SHORT if chance.virtual and chance.random() < 0.5 else _LASTING)


def _seconds(chance: Chance) -> float:
    return chance.choice((0.45, 2.2, 30.0, 600.0) if chance.virtual else (300.0, 600.0))


class CacheCalls(Calls):
    """Every request of cache with every option, and loading."""

    contract = "cache"
    model: CacheModel

    def __init__(self, driver: Any) -> None:
        super().__init__(driver, CacheModel(driver.limits), _SINGLE, _WHOLE)

    @classmethod
    def cast(cls, world: World[Any], driver: Any) -> CacheCalls:
        return cls(driver)

    def before(self, chance: Chance, name: str) -> list[Call]:
        """Steps that make an entry, an ended one, a claim or nothing."""
        calls: list[Call] = [("set", name, b"7", None), ("set", name, b"8", 600.0)]
        calls.append(("delete", name))
        ways: list[list[Call]] = [[("do", (0, 0), call)] for call in calls]
        if "claim" in self.single:
            begin: Call = ("do", (0, 0), ("delete", name))
            owner = chance.choice(("me", "you"))
            ways.append([begin, ("do", (0, 0), ("claim", name, owner, 600.0))])
            ways.append([("do", (0, 0), ("claim", name, owner, 600.0))])
        if chance.virtual:
            ways.append([("do", (0, 0), ("set", name, b"9", 0.45)), ("pass", 0.9)])
        return chance.choice(ways)

    def deed(self, house: House, call: Call) -> Deed:
        """A call as it is sent now."""
        verb, *rest = call
        op = _MAKERS[verb](house.space, *rest)
        if isinstance(op, Set | Fill):
            self.model.sends(op.value)
        return One(op)

    async def play(self, house: House, client: int, call: Call) -> None:
        """Do a call that is several requests."""
        verb, *rest = call
        way: Callable[..., Awaitable[None]] = self._load if verb == "load" else self._fill_up
        await way(house, client, *rest)

    async def _load(
        self, house: House, client: int, key: str, value: bytes, ttl: float | None, fails: bool
    ) -> None:
        pipe, calls = house.pipe(client), 0
        name, state = house.space + key, house.state
        before = house.span()
        if not house.fits(One(Set(name, value))) or state.claim(name, before) is not None:
            return

        async def loader() -> bytes:
            nonlocal calls
            calls += 1
            if fails:
                raise ZeroDivisionError
            return value

        self.model.sends(value)
        held = state.live(name, before)
        cache = Cache(pipe, BYTES, clock=house.world.clock)
        try:
            loaded: object = await cache.get_or_load(name, loader, ttl, early=0.0)
        except ZeroDivisionError:
            that(fails and calls == 1, f"a load of {key!r} failed")
            return
        if self.model.evicts and calls == 1:
            held = None
        equal(0 if held else 1, calls, f"how often {key!r} was loaded")
        equal(held.value if held else value, loaded, f"what was loaded of {key!r}")
        if held is None:
            now = house.span()
            span = type(now)(before.sent, now.told, now.wall, now.slack)
            house.learn(lambda one: [one.wrote(name, Held(value, life_of(ttl, span)))])

    async def _fill_up(self, house: House, client: int, count: int, clears: bool) -> None:
        """Write many entries, look at them, and delete them."""
        keys = [f"{house.space}many-{number:03}" for number in range(count)]
        if not house.fits(One(Set(keys[-1], keys[-1].encode()))):  # the longest
            return
        for key in keys:
            self.model.sends(key.encode())
            await house.do(client, One(Set(key, key.encode())))
        for key in (*keys[:3], *keys[-3:], keys[count // 2]):
            await house.do(client, One(Get(key)))
        if clears and "clear" in self.single:
            await house.do(client, One(Clear(f"{house.space}many-")))
        else:
            for key in keys:
                await house.do(client, One(Delete(key)))

    def removals(self, house: House) -> Iterator[Delete]:
        yield from map(Delete, sorted({key for state in house.states for key in state.rows}))

    async def look(self, house: House, client: int) -> None:
        """Read every key, and ask whose the claims are."""
        states: list[CacheState] = house.states
        seen = {key for state in states for key in state.seen if "many-" not in key}
        for key in sorted({*seen, house.space + "never"}):
            await house.do(client, One(Get(key)))
        for key in sorted({key for state in states for key in state.asked}):
            won = await house.do(client, One(Claim(key, _LOOKER, 60.0)))
            if won is True:
                await house.do(client, One(Unclaim(key, _LOOKER)))


_OWNER = one_of("me", "me", "you")

_MAKERS: dict[str, Callable[..., Any]] = {
    "get": lambda space, key: Get(space + key),
    "set": lambda space, key, value, ttl: Set(space + key, value, ttl),
    "delete": lambda space, key: Delete(space + key),
    "touch": lambda space, key, ttl: Touch(space + key, ttl),
    "clear": lambda space, prefix: Clear(space + prefix),
    "claim": lambda space, key, owner, seconds: Claim(space + key, owner, seconds),
    "fill": lambda space, key, owner, value, ttl: Fill(space + key, owner, value, ttl),
    "unclaim": lambda space, key, owner: Unclaim(space + key, owner),
}

_SINGLE: dict[str, Verb] = {
    "get": Verb(5, of(name)),
    "set": Verb(8, of(name, payload, _life)),
    "delete": Verb(4, of(name)),
    "touch": Verb(5, of(name, _life), _TOUCH),
    "clear": Verb(2, of(lambda chance: chance.prefix()), _CLEAR),
    "claim": Verb(6, of(name, _OWNER, _seconds), _FLIGHT),
    "fill": Verb(6, of(name, _OWNER, payload, _life), _FLIGHT),
    "unclaim": Verb(3, of(name, _OWNER), _FLIGHT),
}
_WHOLE: dict[str, Verb] = {
    "load": Verb(4, of(name, payload, _life, one_of(False, False, True))),
    "fill_up": Verb(0.1, of(one_of(*_MANY), one_of(True, False))),
}
