"""What a kv store is, in a dictionary, and random sequences of operations on it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import equal, that

__all__ = ["KVModel", "kv_steps"]

_KEYS = ("a", "b", "a/b", "ab", "", "é")
_VALUES = (b"", b"0", b"7", b"-3", b"text", b"\0\xff", b"x" * 300)

Step = tuple[Any, ...]


def kv_steps(features: frozenset[Feature]) -> st.SearchStrategy[Step]:
    """One random operation that the features allow: verb, client, key and what it needs."""
    client, key, value = st.integers(0, 1), st.sampled_from(_KEYS), st.sampled_from(_VALUES)
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
        many = st.lists(st.sampled_from(_KEYS), unique=True, max_size=4)
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
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._values: dict[str, bytes] = {}
        self._versions: dict[str, str] = {}
        self._stale: dict[str, list[str]] = {}

    async def follow(self, steps: list[Step], clients: tuple[KV[bytes], ...]) -> None:
        """Do the steps on the clients and compare each answer."""
        for verb, client, *rest in steps:
            await getattr(self, f"_{verb}")(clients[client], *rest)
        for key in _KEYS:
            await self._get(clients[0], key)

    def _name(self, key: str) -> str:
        return self._prefix + key

    def _wrote(self, key: str, value: bytes, version: str) -> None:
        self._forget(key)
        that(version not in self._stale.get(key, ()), f"a version of {key!r} came twice")
        self._values[key], self._versions[key] = value, version

    def _forget(self, key: str) -> None:
        self._values.pop(key, None)
        if key in self._versions:
            self._stale.setdefault(key, []).append(self._versions.pop(key))

    async def _get(self, kv: KV[bytes], key: str) -> None:
        entry = await kv.get_entry(self._name(key))
        equal(self._values.get(key), entry and entry.value, f"get {key!r}")
        if key in self._versions:
            equal(self._versions[key], entry and entry.version, f"version of {key!r}")

    async def _set(self, kv: KV[bytes], key: str, value: bytes) -> None:
        self._wrote(key, value, await kv.set(self._name(key), value))

    async def _delete(self, kv: KV[bytes], key: str) -> None:
        equal(key in self._values, await kv.delete(self._name(key)), f"delete {key!r}")
        self._forget(key)

    async def _set_at(self, kv: KV[bytes], key: str, value: bytes, stale: bool) -> None:
        version, current = self._pick(key, stale)
        try:
            written = await kv.set(self._name(key), value, if_version=version)
        except ConflictError:
            that(not current, f"set {key!r} over its current version conflicted")
            return
        that(current, f"set {key!r} over a stale version succeeded")
        self._wrote(key, value, written)

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

    async def _create(self, kv: KV[bytes], key: str, value: bytes) -> None:
        try:
            written = await kv.set(self._name(key), value, if_absent=True)
        except AlreadyExistsError:
            that(key in self._values, f"{key!r} is absent, yet if_absent was refused")
            return
        that(key not in self._values, f"if_absent overwrote {key!r}")
        self._wrote(key, value, written)

    async def _set_many(self, kv: KV[bytes], keys: list[str], value: bytes) -> None:
        await kv.set_many({self._name(key): value for key in keys})
        for key in keys:
            self._forget(key)
            self._values[key] = value

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
        try:
            total = await kv.increment(self._name(key), delta)
        except ConflictError:
            equal(None, number, f"increment {key!r} refused")
            return
        equal((number or 0) + delta, total, f"increment {key!r}")
        self._forget(key)
        self._values[key] = b"%d" % total
