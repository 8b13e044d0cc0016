"""The calls of kv: what is drawn of each, and the requests that they become."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from omnicloud.contracts.kv import Change, ChangeKind, KVFeature
from omnicloud.contracts.kv.driver import (
    Changes,
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.core.operation import Feature
from omnicloud_tck.check import Broken, equal, eventually, that
from omnicloud_tck.programs.calls import Calls
from omnicloud_tck.programs.chances import Chance, Verb, name, names, of, one_of, payload
from omnicloud_tck.programs.deeds import Block, Deed, One
from omnicloud_tck.programs.houses import House
from omnicloud_tck.subjects.kv_model import KVModel, KVState
from omnicloud_tck.world import World

__all__ = ["KVCalls"]

Call = tuple[Any, ...]

_F = KVFeature
_TTL: frozenset[Feature] = frozenset({_F.TTL})
_CAS: frozenset[Feature] = frozenset({_F.COMPARE_AND_SET})
_BATCH: frozenset[Feature] = frozenset({_F.BATCH})
_SCAN: frozenset[Feature] = frozenset({_F.SCAN})
_COUNTER: frozenset[Feature] = frozenset({_F.COUNTER})
_WATCH: frozenset[Feature] = frozenset({_F.WATCH})
_TRANSACTION: frozenset[Feature] = frozenset({_F.TRANSACTION})

_SHORT = (0.45, 2.2, 7.4, 64.5)
_LASTING = (600.0, 7205.5, 40 * 86_400.0, 400 * 86_400.0, 3_000_000.7)
_NEVER = "no such version"
_LAST: Call = ("last",)
_ABOUT_NOW = ("current", "bent", "fitting")  # conditions for which a version has to be known
_MANY = (26, 101, 130, 257, 1001)
_MOST_LOOKED_AT = 12
_TELLING = 5.0  # seconds in which a change is told


def _life(chance: Chance) -> float:
    return chance.choice(_SHORT if chance.virtual and chance.random() < 0.6 else _LASTING)


def _condition(chance: Chance) -> str:
    return chance.likely(
        *((8, "fitting"), (3, "current"), (2, "absent"), (2, "stale"), (1, "other"), (1, "bent")),
        (0.5, "never"),
    )


def _version_condition(chance: Chance) -> str:
    drawn = _condition(chance)
    return "current" if drawn == "absent" else drawn


def _delta(chance: Chance) -> int:
    return chance.choice((1, 1, 1, -1, 0, 5, -7, 2**53 + 1, 2**62, -(2**62), 2**63 - 1, -(2**63)))


def _page(chance: Chance) -> int:
    return chance.choice((1, 2, 3, 50, 10_000))


class KVCalls(Calls):
    """Every request of kv with every option, and transactions of them."""

    contract = "kv"
    apart = rare = frozenset({"fill", "fill_keep", "empty"})

    def __init__(self, driver: Any) -> None:
        super().__init__(driver, KVModel(), _SINGLE, _WHOLE)
        self.inside = frozenset(_SINGLE) - {"block", *self.rare}
        self.inner = self.declared(_INNER)

    @classmethod
    def cast(cls, world: World[Any], driver: Any) -> KVCalls:
        return cls(driver)

    def before(self, chance: Chance, name: str) -> list[Call]:
        ways: list[list[Call]] = [
            [("do", (0, 0), call)]
            for call in (("set", name, b"7"), ("set", name, chance.canaries[0]), ("delete", name))
        ]
        if "keep" in self.single:
            ways.append([("do", (0, 0), ("keep", name, b"8", 600.0))])
        if "keep" in self.single and chance.virtual:
            ways.append([("do", (0, 0), ("keep", name, b"9", 0.45)), ("pass", 0.9)])
        return chance.choice(ways)

    # Calls that are one request

    def unknown(self, house: House, call: Call) -> Deed | None:
        """What to ask before a call that is about a version nobody has been told."""
        verb, *rest = call
        if verb not in ("set_if", "keep_if", "delete_if") or rest[-1] not in _ABOUT_NOW:
            return None
        row = house.state.rows.get(house.space + rest[0])
        return One(Get(house.space + rest[0])) if row is not None and not row.version else None

    def deed(self, house: House, call: Call) -> Deed:
        """A call as it is sent now."""
        verb, *rest = call
        if verb == "block":
            calls, keep = rest
            return Block([_only(self.deed(house, one)) for one in calls], keep)
        return One(_MAKERS[verb](house, *rest))

    # Calls that are several

    async def play(self, house: House, client: int, call: Call) -> None:
        """Do a call that is several requests."""
        verb, *rest = call
        way: Callable[..., Awaitable[None]] = self._scan if verb == "scan" else self._follow
        await way(house, client, *rest)

    async def _scan(
        self, house: House, client: int, prefix: str, limit: int, between: Call | None
    ) -> None:
        cursor: str | None = None
        pages = 0
        before: list[KVState] = house.states
        found: list[str] = []
        sent = house.span()
        while True:
            page = await house.pipe(client).send(Scan(house.space + prefix, cursor, limit))
            that(len(page.keys) <= limit, f"a page of {limit} has {len(page.keys)} keys")
            found += page.keys
            cursor, pages = page.cursor, pages + 1
            if cursor is None:
                break
            that(pages < 2000, "a scan does not end")
            if pages == 1 and between is not None:
                await self._meanwhile(house, client, between, found)
        about = f"a scan of {prefix!r} in pages of {limit}"
        equal(sorted(set(found)), found, f"{about}: each key once, in order")
        span = house.since(sent)
        was = [_keys(state, house.space + prefix, sent) for state in before]

        def fits(state: KVState) -> list[KVState]:
            now = _keys(state, house.space + prefix, span)
            stayed = set.intersection(*was) & now if between is not None else now
            equal([], sorted(stayed - set(found)), f"{about}: live keys that it leaves out")
            may = set.union(*was) | now if between is not None else now
            equal([], sorted(set(found) - may), f"{about}: keys that are not live")
            return [state]

        house.learn(fits)

    async def _meanwhile(self, house: House, client: int, call: Call, found: list[str]) -> None:
        """Do a call by the other client; ``last`` deletes the key that was told last."""
        if call == _LAST:
            if not found:
                return
            call = ("delete", found[-1][len(house.space) :])
        deed = self.deed(house, call)
        if house.fits(deed):
            await house.do(1 - client, deed)

    async def _follow(self, house: House, client: int, prefix: str) -> None:
        """Begin a watch, or hear what an earlier one has to tell."""
        pipe = house.pipe(client)
        watches = house.memory.setdefault("watches", {})
        state: KVState = house.state
        if prefix not in watches:
            page = await pipe.send(Changes(house.space + prefix))
            equal((), page.changes, "what a watch tells at its beginning")
            watches[prefix] = [page.cursor, state.turn, state, house.span()]
            return
        _, began, before, since = watches[prefix]
        now, told = house.span(), dict[str, Change]()
        due, may = _due(before, state, house.space + prefix, since, now)
        if not house.world.virtual:  # over a wire, what was undone since may be told late
            may |= {key for key, turn in state.turns.items() if turn > began}

        async def heard() -> bool:
            changes = [change async for change in self._told(house, client, prefix)]
            _due(before, state, house.space + prefix, since, house.since(now))  # nothing ended
            for change in changes:
                # That a key is gone may be told again where it was deleted without being there.
                gone = change.kind is ChangeKind.DELETED and change.key not in state.rows
                changed = gone or change.key in may
                that(changed, f"a change of {change.key!r} is told, and there was none")
                told[change.key] = change
            return all(_is_told(told.get(key), kind, state, key) for key, kind in due.items())

        await eventually(heard, house.world.sleep, _TELLING, f"the changes of {sorted(due)}")
        watches[prefix][2:] = [state, house.since(now)]

    async def _told(self, house: House, client: int, prefix: str) -> AsyncIterator[Change]:
        """All that a watch has to tell by now, page by page to the first that is empty."""
        watch = house.memory["watches"][prefix]
        for _ in range(2000):
            page = await house.pipe(client).send(Changes(house.space + prefix, watch[0]))
            watch[0] = page.cursor
            if not page.changes:
                return
            for change in page.changes:
                yield change
        raise Broken("a watch tells without end though nothing changes")

    def removals(self, house: House) -> Iterator[Delete | DeleteMany]:
        keys = sorted({key for state in house.states for key in state.rows})
        if not self.features >= _BATCH:
            yield from map(Delete, keys)
            return
        most = house.pipe(0).driver.limits.batch_max_items
        for start in range(0, len(keys), most):
            yield DeleteMany(tuple(keys[start : start + most]))

    async def look(self, house: House, client: int) -> None:
        """Read all that is there, in every way that there is."""
        known = {key for state in house.states for key in state.turns}
        keys = sorted({*known, house.space + "never"})
        for key in keys if len(keys) <= _MOST_LOOKED_AT else (*keys[:8], *keys[-4:]):
            await house.do(client, One(Get(key)))
        if self.features >= _BATCH:
            most = house.pipe(client).driver.limits.batch_max_items
            for start in range(0, len(keys), most):
                await house.do(client, One(GetMany(tuple(keys[::-1][start : start + most]))))
        if self.features >= _SCAN:
            await self._scan(house, client, "", 1000, None)
        for prefix in house.memory.get("watches", {}):
            await self._follow(house, client, prefix)


def _only(deed: Deed) -> Any:
    return deed.op if isinstance(deed, One) else None


def _keys(state: KVState, prefix: str, span: Any) -> set[str]:
    return {key for key in state.rows if key.startswith(prefix) and state.live(key, span)}


def _is_told(change: Change | None, kind: ChangeKind, state: KVState, key: str) -> bool:
    """Whether a key is told in its last state, by its version where that is known."""
    if change is None or change.kind is not kind:
        return False
    row = state.rows.get(key)
    return kind is ChangeKind.DELETED or not row or row.version in (None, change.version)


def _due(
    before: KVState, state: KVState, prefix: str, since: Any, span: Any
) -> tuple[dict[str, ChangeKind], set[str]]:
    """What must be told since an earlier state, and the keys of which something may be told."""
    touched = {key for key, turn in state.turns.items() if turn > before.turn}
    ended = {
        key
        for key in before.rows
        if before.live(key, since) and key in state.rows and not state.live(key, span)
    }
    may = {key for key in touched | ended if key.startswith(prefix)}
    kinds = {
        key: ChangeKind.SET if state.live(key, span) else ChangeKind.DELETED
        for key in may
        if state.live(key, span) or before.live(key, since)
    }
    return kinds, may


def _version(house: House, key: str, condition: str) -> str:
    """A version for a condition: the one that is known, or one that is wrong.

    What is fitting is the version of what is there, or that nothing is.
    """
    state: KVState = house.state
    row = state.rows.get(key)
    known = row.version if row is not None and row.version else _NEVER
    match condition:
        case "current" | "fitting":
            return known
        case "stale":
            return max(state.past.get(key, ()), default=_NEVER)
        case "other":
            others = [one.version for name, one in state.rows.items() if name != key]
            return next((one for one in others if one and one != known), _NEVER)
        case "bent":
            return known[:-1] or _NEVER
        case _:
            return _NEVER


def _set(house: House, key: str, value: bytes, ttl: float | None, condition: str | None) -> Set:
    name = house.space + key
    if condition == "fitting" and name not in house.state.rows:
        condition = "absent"
    if condition is None or condition == "absent":
        return Set(name, value, ttl, if_absent=condition is not None)
    return Set(name, value, ttl, _version(house, name, condition))


def _delete_if(house: House, key: str, condition: str) -> Delete:
    return Delete(house.space + key, _version(house, house.space + key, condition))


def _batch(house: House, keys: tuple[str, ...], value: bytes, ttl: float | None) -> SetMany:
    values = [value + b"%d" % n if n else value for n in range(len(keys))]
    pairs = zip((house.space + key for key in keys), values, strict=True)
    return SetMany(tuple(pairs), ttl)


def _several(house: House, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(house.space + key for key in keys)


def _fill(house: House, count: int, ttl: float | None) -> SetMany:
    items = ((f"{house.space}many-{n:04}", b"%d" % n) for n in range(count))
    return SetMany(tuple(items), ttl)


def _empty(house: House, count: int) -> DeleteMany:
    return DeleteMany(tuple(f"{house.space}many-{n:04}" for n in range(count)))


_MAKERS: dict[str, Callable[..., Any]] = {
    "get": lambda house, key: Get(house.space + key),
    "set": lambda house, key, value: _set(house, key, value, None, None),
    "keep": lambda house, key, value, ttl: _set(house, key, value, ttl, None),
    "set_if": lambda house, key, value, cond: _set(house, key, value, None, cond),
    "keep_if": _set,
    "delete": lambda house, key: Delete(house.space + key),
    "delete_if": _delete_if,
    "get_many": lambda house, keys: GetMany(_several(house, keys)),
    "set_many": lambda house, keys, value: _batch(house, keys, value, None),
    "keep_many": _batch,
    "delete_many": lambda house, keys: DeleteMany(_several(house, keys)),
    "fill": lambda house, count: _fill(house, count, None),
    "fill_keep": _fill,
    "empty": _empty,
    "keys": lambda house, prefix: Scan(house.space + prefix),
    "increment": lambda house, key, delta: Increment(house.space + key, delta),
}

_SINGLE: dict[str, Verb] = {
    "get": Verb(5, of(name)),
    "set": Verb(7, of(name, payload)),
    "delete": Verb(4, of(name)),
    "keep": Verb(5, of(name, payload, _life), _TTL),
    "set_if": Verb(6, of(name, payload, _condition), _CAS),
    "keep_if": Verb(4, of(name, payload, _life, _condition), _CAS | _TTL),
    "delete_if": Verb(4, of(name, _version_condition), _CAS),
    "get_many": Verb(2, of(names), _BATCH),
    "set_many": Verb(3, of(names, payload), _BATCH),
    "keep_many": Verb(2, of(names, payload, _life), _BATCH | _TTL),
    "delete_many": Verb(3, of(names), _BATCH),
    "fill": Verb(0.15, of(one_of(*_MANY)), _BATCH),
    "fill_keep": Verb(0.1, of(one_of(*_MANY), _life), _BATCH | _TTL),
    "empty": Verb(0.15, of(one_of(*_MANY)), _BATCH),
    "increment": Verb(6, of(name, _delta), _COUNTER),
}


def _between(chance: Chance) -> Call | None:
    calls = (("set", name(chance), b"between"), ("delete", name(chance)), _LAST, _LAST)
    return chance.choice((None, None, *calls))


def _inside(chance: Chance) -> tuple[Call, ...]:
    verbs = sorted(chance.kept["inside"])
    drawn = chance.choices(verbs, [chance.kept["inside"][verb].weight for verb in verbs], k=4)
    return tuple((verb, *chance.kept["inside"][verb].draw(chance)) for verb in drawn)


_SINGLE["block"] = Verb(3, of(_inside, one_of(True, True, False)), _TRANSACTION)
_INNER: dict[str, Verb] = {"keys": Verb(3, of(lambda chance: chance.prefix()), _SCAN)}
_WHOLE: dict[str, Verb] = {
    "scan": Verb(4, of(lambda chance: chance.prefix(), _page, _between), _SCAN),
    "follow": Verb(4, of(lambda chance: chance.prefix()), _WATCH),
}
