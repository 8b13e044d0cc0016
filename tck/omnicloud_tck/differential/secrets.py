"""Secret stores beside lists of versions, the newest first."""

from __future__ import annotations

from dataclasses import dataclass

from omnicloud.contracts.secrets import Secrets, SecretsFeature
from omnicloud_tck.check import equal, that
from omnicloud_tck.differential.draws import name, payload, prefix
from omnicloud_tck.differential.twins import (
    Failed,
    Scene,
    Step,
    Subject,
    Verb,
    lasting,
    of,
    one_of,
    outcome,
)

__all__ = ["SECRETS_SUBJECT"]

_ABSENT = Failed("SecretNotFoundError")


@dataclass(frozen=True, slots=True)
class _Version:
    value: bytes
    version: str
    life: float | None = None


class _SecretsTwin:
    def __init__(self, scene: Scene) -> None:
        self._clients = tuple(Secrets(pipe) for pipe in scene.pipes)
        self._space = scene.space
        limit: int = scene.pipes[0].driver.limits.versions_kept
        self._kept = limit if SecretsFeature.VERSIONS in scene.features else 1
        self._held: dict[str, list[_Version]] = {}
        self._gone: dict[str, list[str]] = {}

    async def take(self, step: Step) -> None:
        verb, client, *rest = step
        await getattr(self, verb)(self._clients[client], *rest)

    async def end(self) -> None:
        for known in sorted({*self._held, *self._gone}):
            await self.get(self._clients[0], known)
        await self.list(self._clients[1], "")
        for known in sorted({*self._held, *self._gone}):
            await self._clients[1].delete(self._space + known)

    async def _read(self, secrets: Secrets, name: str, version: str | None = None) -> object:
        found = await outcome(secrets.get(self._space + name, version=version))
        return found if isinstance(found, Failed) else (found.reveal_bytes(), found.version)

    async def get(self, secrets: Secrets, name: str) -> None:
        held = self._held.get(name)
        expected = (held[0].value, held[0].version) if held else _ABSENT
        equal(expected, await self._read(secrets, name), f"get {name!r}")

    async def set(self, secrets: Secrets, name: str, value: bytes) -> None:
        self._wrote(name, value, await secrets.set(self._space + name, value))

    def _wrote(self, name: str, value: bytes, version: str) -> None:
        held = self._held.get(name, [])
        known = {one.version for one in held} | set(self._gone.get(name, ()))
        that(version and version not in known, f"a version of {name!r} came twice")
        versions = [_Version(value, version), *held]
        self._held[name] = versions[: self._kept]
        self._end(name, versions[self._kept :])

    def _end(self, name: str, versions: list[_Version]) -> None:
        self._gone.setdefault(name, []).extend(one.version for one in versions)

    async def rotate(self, secrets: Secrets, name: str, value: bytes, grace: float) -> None:
        version = await secrets.rotate(self._space + name, value, grace=grace)
        older = self._held.get(name, [])
        if grace:
            lives = [min(grace, one.life or grace) for one in older]
            pairs = zip(older, lives, strict=True)
            self._held[name] = [_Version(one.value, one.version, life) for one, life in pairs]
        else:
            self._held.pop(name, None)
            self._end(name, older)
        self._wrote(name, value, version)

    async def get_version(self, secrets: Secrets, name: str, which: int) -> None:
        held = self._held.get(name)
        one = held[which % len(held)] if held else None
        found = await self._read(secrets, name, one.version if one else "no such version")
        expected = (one.value, one.version) if one else _ABSENT
        equal(expected, found, f"a version of {name!r}")

    async def get_gone(self, secrets: Secrets, name: str, which: int) -> None:
        gone = self._gone.get(name) or ["no such version"]
        found = await self._read(secrets, name, gone[which % len(gone)])
        equal(_ABSENT, found, f"a version of {name!r} that is gone")

    async def list_versions(self, secrets: Secrets, name: str) -> None:
        held = self._held.get(name)
        found = await outcome(secrets.list_versions(self._space + name))
        if not held or isinstance(found, Failed):
            equal(None if held else _ABSENT, found, f"versions of {name!r}")
            return
        names = [one.version for one in held]
        equal(names, [info.version for info in found], f"versions of {name!r}")
        for one, info in zip(held, found, strict=True):
            lasting(one.life, info.expires_in, f"a version of {name!r}")

    async def delete(self, secrets: Secrets, name: str) -> None:
        deleted = await secrets.delete(self._space + name)
        held = self._held.pop(name, None)
        equal(held is not None, deleted, f"delete {name!r}")
        self._end(name, held or [])

    async def list(self, secrets: Secrets, prefix: str) -> None:
        found = [one async for one in secrets.list(self._space + prefix, page_size=2)]
        names = sorted(self._space + name for name in self._held if name.startswith(prefix))
        equal(names, found, f"list {prefix!r}")


async def _opened(scene: Scene) -> _SecretsTwin:
    return _SecretsTwin(scene)


_WHICH = one_of(*range(12))
_VERSIONS = frozenset({SecretsFeature.VERSIONS})

SECRETS_SUBJECT = Subject(
    "secrets",
    {
        "get": Verb(6, of(name)),
        "set": Verb(6, of(name, payload)),
        "delete": Verb(2, of(name)),
        "list": Verb(2, of(prefix)),
        "rotate": Verb(4, of(name, payload, one_of(0.0, 900.0, 7200.0)), _VERSIONS),
        "get_version": Verb(4, of(name, _WHICH), _VERSIONS),
        "get_gone": Verb(2, of(name, _WHICH), _VERSIONS),
        "list_versions": Verb(3, of(name), _VERSIONS),
    },
    _opened,
)
