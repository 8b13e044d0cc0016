"""Object stores beside a dictionary of what was written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from omnicloud.contracts.objects import Objects, ObjectsFeature
from omnicloud_tck.check import equal, that
from omnicloud_tck.differential.draws import flag, name, names, payload, prefix
from omnicloud_tck.differential.twins import (
    Failed,
    Scene,
    Step,
    Subject,
    Verb,
    of,
    one_of,
    outcome,
)

__all__ = ["OBJECTS_SUBJECT"]

_KINDS: tuple[tuple[str, dict[str, str]], ...] = (
    ("application/octet-stream", {}),
    ("text/plain; charset=utf-8", {"Author": "é \U0001f980", "n": ""}),
    ("x/Odd", {"a b": "1", "x-y": " two words "}),
)
_OCTETS = _KINDS[0]
_LARGEST_PART = 1 << 20  # a store whose parts are larger is not asked for several of them
_ABSENT, _EXISTS, _CONFLICT = (
    Failed("ObjectNotFoundError"),
    Failed("AlreadyExistsError"),
    Failed("ConflictError"),
)


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    version: str
    kind: tuple[str, dict[str, str]] = _OCTETS


class _ObjectsTwin:
    def __init__(self, scene: Scene) -> None:
        self._clients = tuple(Objects(pipe) for pipe in scene.pipes)
        self._space = scene.space
        self._held: dict[str, _Object] = {}
        self._stale: dict[str, list[str]] = {}

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        await getattr(self, verb)(self._clients[client], *rest)

    async def end(self) -> None:
        for key in sorted({*self._held, *self._stale}):
            await self.get(self._clients[0], key)
        await self.list(self._clients[0], "", None)
        await self._clients[1].delete_many([self._name(key) for key in self._held])

    def _name(self, key: str) -> str:
        return self._space + key

    def _wrote(self, key: str, data: bytes, version: str, kind: tuple[str, dict[str, str]]) -> None:
        self._forget(key)
        known = self._stale.get(key, ())
        that(version and version not in known, f"a version of {key!r} came twice")
        self._held[key] = _Object(data, version, kind)

    def _forget(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._stale.setdefault(key, []).append(held.version)

    def _pick(self, key: str, stale: bool) -> tuple[str, bool]:
        """A version to make a condition of, and whether it holds."""
        old, held = self._stale.get(key), self._held.get(key)
        if held is not None and not stale:
            return held.version, True
        return (old[-1] if old else "no such version"), False

    async def put(self, objects: Objects, key: str, data: bytes, kind: int) -> None:
        content_type, metadata = _KINDS[kind]
        version = await objects.upload(
            self._name(key), data, content_type=content_type, metadata=metadata
        )
        self._wrote(key, data, version, _KINDS[kind])

    async def parts(self, objects: Objects, key: str, data: bytes, kind: int) -> None:
        smallest = objects.pipeline.driver.limits.part_min_bytes
        if smallest > _LARGEST_PART:
            return await self.put(objects, key, data, kind)
        content = b"-" * smallest + data * 2
        content_type, metadata = _KINDS[kind]
        version = await objects.upload(
            self._name(key),
            content,
            content_type=content_type,
            metadata=metadata,
            part_bytes=smallest,
        )
        self._wrote(key, content, version, _KINDS[kind])
        return None

    async def parts_new(self, objects: Objects, key: str, data: bytes) -> None:
        smallest = objects.pipeline.driver.limits.part_min_bytes
        if smallest > _LARGEST_PART:
            return await self.create(objects, key, data)
        content = b"+" * smallest + data
        got = await outcome(
            objects.upload(self._name(key), content, if_absent=True, part_bytes=smallest)
        )
        self._conditional(key, content, _OCTETS, got, _EXISTS if key in self._held else None)
        return None

    async def parts_at(self, objects: Objects, key: str, data: bytes, stale: bool) -> None:
        smallest = objects.pipeline.driver.limits.part_min_bytes
        if smallest > _LARGEST_PART:
            return await self.put_at(objects, key, data, stale)
        version, current = self._pick(key, stale)
        content = b"=" * smallest + data
        got = await outcome(
            objects.upload(self._name(key), content, if_version=version, part_bytes=smallest)
        )
        self._conditional(key, content, _OCTETS, got, None if current else _CONFLICT)
        return None

    async def put_at(self, objects: Objects, key: str, data: bytes, stale: bool) -> None:
        version, current = self._pick(key, stale)
        got = await outcome(objects.upload(self._name(key), data, if_version=version))
        self._conditional(key, data, _OCTETS, got, None if current else _CONFLICT)

    async def create(self, objects: Objects, key: str, data: bytes) -> None:
        got = await outcome(objects.upload(self._name(key), data, if_absent=True))
        self._conditional(key, data, _OCTETS, got, _EXISTS if key in self._held else None)

    def _conditional(
        self,
        key: str,
        data: bytes,
        kind: tuple[str, dict[str, str]],
        got: str | Failed,
        expected: Failed | None,
    ) -> None:
        failed = got if isinstance(got, Failed) else None
        equal(expected, failed, f"a conditional write of {key!r}")
        if isinstance(got, str):
            self._wrote(key, data, got, kind)

    async def get(self, objects: Objects, key: str) -> None:
        held = self._held.get(key)
        got = await outcome(objects.download(self._name(key)))
        equal(held.data if held else _ABSENT, got, f"get {key!r}")

    async def get_range(self, objects: Objects, key: str, start: int, length: int) -> None:
        held, end = self._held.get(key), start + length
        got = await outcome(objects.download(self._name(key), start=start, end=end))
        expected = held.data[start:end] if held else _ABSENT
        equal(expected, got, f"bytes {start} to {end} of {key!r}")

    async def stat(self, objects: Objects, key: str) -> None:
        held = self._held.get(key)
        info = await outcome(objects.stat(self._name(key)))
        if held is None or isinstance(info, Failed):
            equal(None if held else _ABSENT, info, f"stat {key!r}")
            return
        told = (info.size_bytes, info.version, info.content_type, dict(info.metadata))
        equal((len(held.data), held.version, *held.kind), told, f"stat {key!r}")
        if info.checksum is not None:
            digest = f"sha256:{hashlib.sha256(held.data).hexdigest()}"
            equal(digest, info.checksum, f"the checksum of {key!r}")

    async def exists(self, objects: Objects, key: str) -> None:
        equal(key in self._held, await objects.exists(self._name(key)), f"exists {key!r}")

    async def delete(self, objects: Objects, key: str) -> None:
        equal(None, await objects.delete(self._name(key)), f"delete {key!r}")  # type: ignore[func-returns-value]  # that it is None is what is asked
        self._forget(key)

    async def delete_at(self, objects: Objects, key: str, stale: bool) -> None:
        version, current = self._pick(key, stale)
        got = await outcome(objects.delete(self._name(key), if_version=version))
        equal(None if current else _CONFLICT, got, f"a conditional deletion of {key!r}")
        if current:
            self._forget(key)

    async def delete_many(self, objects: Objects, keys: list[str]) -> None:
        await objects.delete_many([self._name(key) for key in keys])
        for key in keys:
            self._forget(key)

    async def copy(self, objects: Objects, source: str, target: str) -> None:
        got = await outcome(objects.copy(self._name(source), self._name(target)))
        self._copied(source, target, got, None)

    async def copy_new(self, objects: Objects, source: str, target: str) -> None:
        there = target in self._held
        got = await outcome(objects.copy(self._name(source), self._name(target), if_absent=True))
        self._copied(source, target, got, _EXISTS if there else None)

    async def copy_at(self, objects: Objects, source: str, target: str, stale: bool) -> None:
        version, current = self._pick(target, stale)
        got = await outcome(
            objects.copy(self._name(source), self._name(target), if_version=version)
        )
        self._copied(source, target, got, None if current else _CONFLICT)

    def _copied(self, source: str, target: str, got: str | Failed, refused: Failed | None) -> None:
        held = self._held.get(source)
        if held is None and refused is not None:
            # Nothing is there to copy, nor may it be copied there: either may be said.
            that(got in (_ABSENT, refused), f"a copy of {source!r} answered {got}")
        elif held is None:
            equal(_ABSENT, got, f"a copy of {source!r}")
        else:
            self._conditional(target, held.data, held.kind, got, refused)

    async def list(self, objects: Objects, prefix: str, delimiter: str | None) -> None:
        lines = objects.list(self._name(prefix), delimiter=delimiter, page_size=2)
        found = [(line.key, line.size_bytes, line.version) async for line in lines]
        expected = {self._line(key, prefix, delimiter) for key in self._held}
        mine = [line for line in expected if line[0].startswith(self._name(prefix))]
        equal(sorted(mine, key=lambda line: line[0]), found, f"list {prefix!r} by {delimiter!r}")

    def _line(
        self, key: str, prefix: str, delimiter: str | None
    ) -> tuple[str, int | None, str | None]:
        rest = key[len(prefix) :]
        if delimiter is not None and key.startswith(prefix) and delimiter in rest:
            return self._name(prefix) + rest.split(delimiter)[0] + delimiter, None, None
        held = self._held[key]
        return self._name(key), len(held.data), held.version


async def _opened(scene: Scene) -> _ObjectsTwin:
    return _ObjectsTwin(scene)


_CONDITIONAL = frozenset({ObjectsFeature.CONDITIONAL})

OBJECTS_SUBJECT = Subject(
    "objects",
    {
        "put": Verb(10, of(name, payload, one_of(0, 1, 2))),
        "parts": Verb(1.5, of(name, payload, one_of(0, 1, 2))),
        "get": Verb(6, of(name)),
        "get_range": Verb(4, of(name, one_of(0, 1, 3, 4999, 9000), one_of(0, 1, 2, 5000))),
        "stat": Verb(6, of(name)),
        "exists": Verb(2, of(name)),
        "delete": Verb(4, of(name)),
        "delete_many": Verb(1, of(names)),
        "copy": Verb(5, of(name, name)),
        "list": Verb(3, of(prefix, one_of(None, None, "/", "b"))),
        "put_at": Verb(4, of(name, payload, flag), _CONDITIONAL),
        "create": Verb(4, of(name, payload), _CONDITIONAL),
        "parts_new": Verb(0.7, of(name, payload), _CONDITIONAL),
        "parts_at": Verb(0.7, of(name, payload, flag), _CONDITIONAL),
        "delete_at": Verb(3, of(name, flag), _CONDITIONAL),
        "copy_new": Verb(1, of(name, name), _CONDITIONAL),
        "copy_at": Verb(1, of(name, name, flag), _CONDITIONAL),
    },
    _opened,
    "object_max_bytes",
)
