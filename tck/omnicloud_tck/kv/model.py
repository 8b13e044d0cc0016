"""What a kv store is, in a dictionary, and random sequences of operations on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import strategies as st

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, that

__all__ = ["KEYS", "VALUES", "KVModel", "kv_steps"]

KEYS = ("a", "b", "a/b", "ab", "", "é")
VALUES = (b"", b"0", b"7", b"-3", b"text", b"\0\xff", b"x" * 300)

Step = tuple[Any, ...]

_LAPSE = 0.05  # seconds to live of a key that is waited for until it is gone
_GONE = 0.3
_SLACK = 60.0  # seconds that may pass until somebody looks how long a key has to live
_ATTEMPTS = 20


def kv_steps(features: frozenset[Feature]) -> st.SearchStrategy[Step]:
    """One random operation that the features allow: verb, client, key and what it needs."""
    client, key, value = st.integers(0, 1), st.sampled_from(KEYS), st.sampled_from(VALUES)
    steps: list[st.SearchStrategy[Any]] = [
        st.tuples(st.just("get"), client, key),
        st.tuples(st.just("set"), client, key, value),
        st.tuples(st.just("delete"), client, key),
    ]
    if KVFeature.COMPARE_AND_SET in features:
        steps.append(st.tuples(st.just("set_at"), client, key, value, st.booleans()))
        steps.append(st.tuples(st.just("create"), client, key, value))
        steps.append(st.tuples(st.just("delete_at"), client, key, st.booleans()))
    if KVFeature.BATCH in features:
        many = st.lists(st.sampled_from(KEYS), unique=True, max_size=4)
        steps.append(st.tuples(st.just("set_many"), client, many, value))
        steps.append(st.tuples(st.just("get_many"), client, many))
        steps.append(st.tuples(st.just("delete_many"), client, many))
    if KVFeature.SCAN in features:
        steps.append(st.tuples(st.just("scan"), client, st.sampled_from(("", "a", "a/"))))
    if KVFeature.COUNTER in features:
        steps.append(st.tuples(st.just("increment"), client, key, st.integers(-5, 5)))
    return st.one_of(*steps)


class KVModel:
    """The dictionary, and for every key the versions that were seen.

    Args:
        prefix: Put before every key, so that examples do not meet.
        sleep: Lets time pass for the store; only the step ``lapse`` needs it.
    """

    def __init__(
        self, prefix: str, sleep: Callable[[float], Awaitable[None]] | None = None
    ) -> None:
        self._prefix = prefix
        self._sleep = sleep
        self._values: dict[str, bytes] = {}
        self._lives: dict[str, float] = {}
        self._versions: dict[str, str] = {}
        self._stale: dict[str, list[str]] = {}

    async def follow(self, steps: list[Step], clients: tuple[KV[bytes], ...]) -> None:
        """Do the steps on the clients and compare each answer."""
        for step in steps:
            await self.take(step, clients)
        await self.end(clients)

    async def take(self, step: Step, clients: tuple[KV[bytes], ...]) -> None:
        """Do a step on its client and compare the answer."""
        verb, client, *rest = step
        await getattr(self, f"_{verb}")(clients[client], *rest)

    async def end(self, clients: tuple[KV[bytes], ...]) -> None:
        """Compare all keys."""
        for key in self.seen():
            await self._get(clients[0], key)

    def seen(self) -> list[str]:
        """The keys that there may be."""
        return sorted({*KEYS, *self._values, *self._stale})

    def _name(self, key: str) -> str:
        return self._prefix + key

    def _wrote(self, key: str, value: bytes, version: str, life: float | None = None) -> None:
        self._put(key, value, life)
        that(version not in self._stale.get(key, ()), f"a version of {key!r} came twice")
        self._versions[key] = version

    def _put(self, key: str, value: bytes, life: float | None = None) -> None:
        self._forget(key)
        self._values[key] = value
        if life is not None:
            self._lives[key] = life

    def _forget(self, key: str) -> None:
        self._values.pop(key, None)
        self._lives.pop(key, None)
        if key in self._versions:
            self._stale.setdefault(key, []).append(self._versions.pop(key))

    async def _get(self, kv: KV[bytes], key: str) -> None:
        entry = await kv.get_entry(self._name(key))
        equal(self._values.get(key), entry and entry.value, f"get {key!r}")
        if key in self._versions:
            equal(self._versions[key], entry and entry.version, f"version of {key!r}")
        elif entry is not None:
            stale = entry.version in self._stale.get(key, ())
            that(not stale, f"{key!r} was written and has an older version")
            self._versions[key] = entry.version
        if entry is not None:
            self._check_life(key, entry.expires_in)

    def _check_life(self, key: str, left: float | None) -> None:
        life = self._lives.get(key)
        if life is None or left is None:
            that(life is left, f"{key!r} should live for {life or 'ever'}, it lives for {left}")
        else:
            good = life - _SLACK < left <= life
            that(good, f"{key!r} should live for {life} s at most, it lives for {left} s")

    async def _set(self, kv: KV[bytes], key: str, value: bytes) -> None:
        self._wrote(key, value, await kv.set(self._name(key), value))

    async def _keep(self, kv: KV[bytes], key: str, value: bytes, ttl: float) -> None:
        self._wrote(key, value, await kv.set(self._name(key), value, ttl=ttl), ttl)

    async def _lapse(self, kv: KV[bytes], key: str, value: bytes) -> None:
        that(self._sleep, "time cannot pass")
        self._wrote(key, value, await kv.set(self._name(key), value, ttl=_LAPSE))
        if self._sleep is not None:
            await self._sleep(_GONE)
        self._forget(key)

    async def _move(self, kv: KV[bytes], source: str, target: str, keep: bool) -> None:
        """Move a value in a transaction; taken back unless ``keep``."""
        for _ in range(_ATTEMPTS):
            try:
                await self._moved(kv, source, target, keep)
            except ConflictError:  # another one's transaction was first
                continue
            except _Undone:
                return
            break
        else:
            that(False, f"a transaction conflicted {_ATTEMPTS} times")
        value = self._values.get(source)
        if value is not None:
            self._forget(source)
            self._put(target, value)

    async def _moved(self, kv: KV[bytes], source: str, target: str, keep: bool) -> None:
        async with kv.transaction() as inside:
            found = await inside.get(self._name(source))
            equal(self._values.get(source), found, f"get {source!r} in a transaction")
            if found is not None:
                equal(True, await inside.delete(self._name(source)), "a deletion inside")
                await inside.set(self._name(target), found)
                equal(found, await inside.get(self._name(target)), "what is written inside")
            if not keep:
                raise _Undone

    async def _delete(self, kv: KV[bytes], key: str) -> None:
        equal(key in self._values, await kv.delete(self._name(key)), f"delete {key!r}")
        self._forget(key)

    async def _set_at(
        self, kv: KV[bytes], key: str, value: bytes, stale: bool, ttl: float | None = None
    ) -> None:
        version, current = self._pick(key, stale)
        try:
            written = await kv.set(self._name(key), value, if_version=version, ttl=ttl)
        except ConflictError:
            that(not current, f"set {key!r} over its current version conflicted")
            return
        that(current, f"set {key!r} over a stale version succeeded")
        self._wrote(key, value, written, ttl)

    async def _delete_at(self, kv: KV[bytes], key: str, stale: bool) -> None:
        version, current = self._pick(key, stale)
        try:
            await kv.delete(self._name(key), if_version=version)
        except ConflictError:
            that(not current, f"delete {key!r} of its current version conflicted")
            return
        that(current, f"delete {key!r} of a stale version succeeded")
        self._forget(key)

    def _pick(self, key: str, stale: bool) -> tuple[str, bool]:
        old = self._stale.get(key)
        if stale and old:
            return old[-1], False
        if key in self._values and key not in self._versions:
            return "no such version", False
        return self._versions.get(key, "no such version"), key in self._versions

    async def _create(
        self, kv: KV[bytes], key: str, value: bytes, ttl: float | None = None
    ) -> None:
        try:
            written = await kv.set(self._name(key), value, if_absent=True, ttl=ttl)
        except AlreadyExistsError:
            that(key in self._values, f"{key!r} is absent, yet if_absent was refused")
            return
        that(key not in self._values, f"if_absent overwrote {key!r}")
        self._wrote(key, value, written, ttl)

    async def _set_many(
        self, kv: KV[bytes], keys: list[str], value: bytes, ttl: float | None = None
    ) -> None:
        await kv.set_many({self._name(key): value for key in keys}, ttl=ttl)
        for key in keys:
            self._put(key, value, ttl)

    async def _get_many(self, kv: KV[bytes], keys: list[str]) -> None:
        expected = {self._name(k): self._values[k] for k in keys if k in self._values}
        equal(expected, await kv.get_many([self._name(key) for key in keys]), "get_many")

    async def _delete_many(self, kv: KV[bytes], keys: list[str]) -> None:
        await kv.delete_many([self._name(key) for key in keys])
        for key in keys:
            self._forget(key)

    async def _scan(self, kv: KV[bytes], prefix: str) -> None:
        expected = sorted(self._name(key) for key in self._values if key.startswith(prefix))
        found = [key async for key in kv.scan(self._name(prefix), page_size=2)]
        equal(expected, found, f"scan {prefix!r}")

    async def _increment(self, kv: KV[bytes], key: str, delta: int) -> None:
        value = self._values.get(key, b"0")
        number = int(value) if value.removeprefix(b"-").isdigit() else None
        if number is not None and not -(2**63) <= number + delta < 2**63:
            number = None
        try:
            total = await kv.increment(self._name(key), delta)
        except ConflictError:
            equal(None, number, f"increment {key!r} refused")
            return
        equal((number or 0) + delta, total, f"increment {key!r}")
        self._put(key, b"%d" % total, self._lives.get(key))


class _Undone(Exception):  # noqa: N818 - thrown to take a transaction back
    """Nothing of it shall stay."""
