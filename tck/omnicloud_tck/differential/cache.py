"""Caches beside a dictionary that evicts nothing: what is drawn fits into any."""

from __future__ import annotations

from omnicloud.contracts.cache import Cache, CacheFeature
from omnicloud.contracts.cache.driver import Get
from omnicloud.core.codec import BYTES
from omnicloud_tck.check import equal, that
from omnicloud_tck.differential.draws import name, payload, prefix
from omnicloud_tck.differential.twins import Scene, Step, Subject, Verb, lasting, of, one_of

__all__ = ["CACHE_SUBJECT"]

_LIVES = (None, 600.0, 7200.0, 40 * 86_400.0)
_LAPSE, _GONE = 0.05, 0.3


class _CacheTwin:
    def __init__(self, scene: Scene) -> None:
        self._caches = tuple(Cache(pipe, BYTES) for pipe in scene.pipes)
        self._scene = scene
        self._held: dict[str, tuple[bytes, float | None]] = {}
        self._seen: set[str] = set()

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        await getattr(self, verb)(self._caches[client], *rest)

    async def end(self) -> None:
        for key in sorted(self._seen):
            await self.look(self._caches[0], key)
            await self._caches[1].delete(self._name(key))

    def _name(self, key: str) -> str:
        self._seen.add(key)
        return self._scene.space + key

    async def get(self, cache: Cache[bytes], key: str) -> None:
        held = self._held.get(key)
        equal(held and held[0], await cache.get(self._name(key)), f"get {key!r}")

    async def look(self, cache: Cache[bytes], key: str) -> None:
        entry = await cache.pipeline.send(Get(self._name(key)))
        held = self._held.get(key)
        equal(held and held[0], entry and entry.value, f"get {key!r}")
        if held is not None and entry is not None:
            lasting(held[1], entry.expires_in, f"{key!r}")

    async def set(self, cache: Cache[bytes], key: str, value: bytes, ttl: float | None) -> None:
        await cache.set(self._name(key), value, ttl)
        self._held[key] = value, ttl

    async def lapse(self, cache: Cache[bytes], key: str, value: bytes) -> None:
        await cache.set(self._name(key), value, _LAPSE)
        await self._scene.world.sleep(_GONE)
        self._held.pop(key, None)

    async def delete(self, cache: Cache[bytes], key: str) -> None:
        await cache.delete(self._name(key))
        self._held.pop(key, None)

    async def touch(self, cache: Cache[bytes], key: str, ttl: float | None) -> None:
        live = await cache.touch(self._name(key), ttl)
        equal(key in self._held, live, f"touch {key!r}")
        if live:
            self._held[key] = self._held[key][0], ttl

    async def clear(self, cache: Cache[bytes], prefix: str) -> None:
        await cache.clear(self._name(prefix))
        self._held = {key: held for key, held in self._held.items() if not key.startswith(prefix)}

    async def load(self, cache: Cache[bytes], key: str, value: bytes, ttl: float | None) -> None:
        calls = 0

        async def loader() -> bytes:
            nonlocal calls
            calls += 1
            return value

        loaded = await cache.get_or_load(self._name(key), loader, ttl, early=0.0)
        held = self._held.setdefault(key, (value, ttl)) if calls else self._held.get(key)
        that(calls in (0, 1), f"{key!r} was loaded {calls} times")
        equal(held and held[0], loaded, f"load {key!r}")


async def _opened(scene: Scene) -> _CacheTwin:
    return _CacheTwin(scene)


_LIFE = one_of(*_LIVES)

CACHE_SUBJECT = Subject(
    "cache",
    {
        "get": Verb(8, of(name)),
        "look": Verb(4, of(name)),
        "set": Verb(8, of(name, payload, _LIFE)),
        "delete": Verb(4, of(name)),
        "lapse": Verb(0.1, of(name, payload)),
        "load": Verb(3, of(name, payload, _LIFE)),
        "touch": Verb(3, of(name, _LIFE), frozenset({CacheFeature.TOUCH})),
        "clear": Verb(1, of(prefix), frozenset({CacheFeature.CLEAR})),
    },
    _opened,
)
