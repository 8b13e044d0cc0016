"""Histories of objects and of cache entries: registers of another kind."""

from __future__ import annotations

from collections.abc import Hashable

from omnicloud.contracts.cache import Cache
from omnicloud.contracts.objects import Objects
from omnicloud.core.codec import BYTES
from omnicloud.errors import AlreadyExistsError, ConflictError, ObjectNotFoundError
from omnicloud_tck.histories.events import Action
from omnicloud_tck.histories.kv import Conditional, Registers
from omnicloud_tck.histories.registers import CONFLICT, EVICTING, EXISTS
from omnicloud_tck.histories.subjects import Client, Session
from omnicloud_tck.histories.versions import Versions

__all__ = ["CacheEntries", "ConditionalObjects", "WholeObjects"]

_TIMES = 3000  # an object is its value so many times over, so that a torn one shows


class CacheEntries(Registers):
    """Reads, writes and deletions of entries that may be evicted at any time."""

    model = EVICTING

    def open(self, client: Client) -> Session:
        return _Caching(Cache(client.pipeline, BYTES, clock=client.clock), client.space)


class WholeObjects(Registers):
    """Uploads, downloads and deletions of a few objects."""

    def open(self, client: Client) -> Session:
        return _Keeper(Objects(client.pipeline), client.space)


class ConditionalObjects(Conditional):
    """Uploads and deletions over the version that a client has seen, or an older one."""

    def open(self, client: Client) -> Session:
        return _Keeper(Objects(client.pipeline), client.space)


class _Caching:
    def __init__(self, cache: Cache[bytes], space: str) -> None:
        self._cache, self._space = cache, space

    def resolve(self, action: Action) -> Action:
        return action

    async def perform(self, action: Action) -> Hashable:
        key = self._space + action.key
        match action.verb:
            case "get":
                found = await self._cache.get(key)
                return None if found is None else found.decode(errors="replace")
            case "set":
                await self._cache.set(key, str(action.args[0]).encode())
            case _:
                await self._cache.delete(key)
        return None


class _Keeper:
    def __init__(self, objects: Objects, space: str) -> None:
        self._objects, self._space = objects, space
        self._versions = Versions()

    def resolve(self, action: Action) -> Action:
        return self._versions.resolve(action)

    async def perform(self, action: Action) -> Hashable:
        try:
            answer = await self._send(action)
        except ObjectNotFoundError:
            return None
        except AlreadyExistsError:
            return EXISTS
        except ConflictError:
            answer = CONFLICT
        self._versions.learn(action, answer)
        return answer

    async def _send(self, action: Action) -> Hashable:
        key, args = self._space + action.key, action.args
        match action.verb:
            case "get":
                return _value(await self._objects.download(key))
            case "entry":
                async with self._objects.open(key) as reader:
                    return _value(await reader.read()), reader.info.version
            case "set" | "create":
                absent = action.verb == "create"
                return await self._objects.upload(key, _content(args[0]), if_absent=absent)
            case "set_at":
                return await self._objects.upload(key, _content(args[0]), if_version=str(args[1]))
            case _:
                version = str(args[0]) if args else None
                await self._objects.delete(key, if_version=version)
                return None


def _content(value: Hashable) -> bytes:
    return f"{value} ".encode() * _TIMES


def _value(content: bytes) -> str:
    parts = content.decode(errors="replace").split(" ")
    whole = len(parts) == _TIMES + 1 and len(set(parts[:-1])) == 1
    return parts[0] if whole else f"{len(content)} bytes of several writes"
