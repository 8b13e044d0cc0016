"""Writes, rotations, deletions and reads of secrets that meet on one."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.secrets import Secrets, SecretsFeature
from omnicloud.contracts.secrets.driver import Await
from omnicloud.contracts.secrets.models import VersionInfo
from omnicloud.errors import SecretNotFoundError
from omnicloud_tck.programs.meetings import CANARY
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe, Version

__all__ = ["SECRETS_MEETING"]

_VERSIONS = frozenset({SecretsFeature.VERSIONS})
_WATCH = frozenset({SecretsFeature.WATCH})
_SOON = 2000.0  # seconds between the two graces


async def _nothing(pipe: Pipe, space: str) -> dict[str, Any]:
    await Secrets(pipe).set(f"{space}kk", "beside")
    return {}


async def _three(pipe: Pipe, space: str) -> dict[str, Any]:
    await _nothing(pipe, space)
    made = [await Secrets(pipe).set(f"{space}k", f"{CANARY} {n}") for n in range(3)]
    return {"old": Version(made[0]), "newer": Version(made[1]), "version": Version(made[2])}


async def _rotated(pipe: Pipe, space: str) -> dict[str, Any]:
    known = await _three(pipe, space)
    if SecretsFeature.VERSIONS not in pipe.driver.features:
        return known
    last = await Secrets(pipe).rotate(f"{space}k", f"{CANARY} r", grace=900.0)
    return {**known, "last": Version(last)}


def _about(info: VersionInfo) -> object:
    left = info.expires_in
    return Version(info.version), left if left is None else left > _SOON


async def _look(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    secrets = Secrets(pipe)
    left: list[object] = [await _current(pipe, space + name) for name in ("k", "kk")]
    left.append([name.removeprefix(space) async for name in secrets.list(space)])
    if SecretsFeature.VERSIONS in pipe.driver.features:
        left.append(await _listed(pipe, space, known))
        left += [await _of(secrets, space, version.text) for version in known.values()]
    return left


async def _of(secrets: Secrets, space: str, version: str) -> object:
    try:
        return (await secrets.get(f"{space}k", version=version)).reveal_bytes()
    except SecretNotFoundError:
        return None


async def _current(pipe: Pipe, name: str) -> object:
    try:
        got = await Secrets(pipe).get(name)
    except SecretNotFoundError:
        return None
    return got.reveal_bytes(), Version(got.version)


async def _get(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return await _current(pipe, f"{space}k")


async def _get_old(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    version = known["old"].text if known else "none"
    return (await Secrets(pipe).get(f"{space}k", version=version)).reveal_bytes()


async def _listed(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    try:
        return [_about(info) for info in await Secrets(pipe).list_versions(f"{space}k")]
    except SecretNotFoundError:
        return None


async def _names(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return [name.removeprefix(space) async for name in Secrets(pipe).list(space)]


async def _wait(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    version = await pipe.send(Await(f"{space}k"))
    return None if version is None else Version(version)


def _set(value: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        return Version(await Secrets(pipe).set(f"{space}k", f"{CANARY} {value}"))

    return call


def _rotate(value: str, grace: float) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        done = await Secrets(pipe).rotate(f"{space}k", f"{CANARY} {value}", grace=grace)
        return Version(done)

    return call


async def _delete(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return await Secrets(pipe).delete(f"{space}k")


SECRETS_MEETING = Meeting(
    {"nothing": _nothing, "three versions": _three, "a rotated secret": _rotated},
    {
        "a write": _set("a"),
        "another write": _set("b"),
        "a rotation": _rotate("c", 0.0),
        "a rotation with a grace": _rotate("d", 900.0),
        "a rotation with a longer grace": _rotate("e", 7200.0),
        "a delete": _delete,
        "a read": _get,
        "a read of a version": _get_old,
        "a list of versions": _listed,
        "a list of names": _names,
        "a look at the version": _wait,
    },
    _look,
    needs={
        "a rotation": _VERSIONS,
        "a rotation with a grace": _VERSIONS,
        "a rotation with a longer grace": _VERSIONS,
        "a read of a version": _VERSIONS,
        "a list of versions": _VERSIONS,
        "a look at the version": _WATCH,
    },
    reads=frozenset(
        {
            *("a read", "a read of a version", "a list of versions", "a list of names"),
            "a look at the version",
        }
    ),
)
