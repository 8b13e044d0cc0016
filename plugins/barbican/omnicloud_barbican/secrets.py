"""The secrets contract on Barbican.

Barbican keeps payloads that never change, each under an id of its own; several may have one
name. A version is such a secret: made whole in one request, with a note of when it was made
and what grace it gives the older ones in the field ``mode``, which says nothing of an opaque
secret. The newest is the current one, and newer than every one that its writer saw.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from omnicloud.contracts.secrets import graces
from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsFeature,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import OmniCloudError
from omnicloud_barbican import kept
from omnicloud_barbican.client import Client, Listed, client_of
from omnicloud_barbican.config import BarbicanConfig
from omnicloud_barbican.errors import refusal

__all__ = ["FEATURES", "BarbicanSecrets", "open_secrets"]

FEATURES: frozenset[Feature] = frozenset(SecretsFeature)

_KEPT = 10
_NOTE = re.compile("oc1-([0-9a-f]{14})-([0-9a-f]{10}|none)")
_MILLION = 1_000_000
_TURNS = 8  # of readers that find the current version pruned


@dataclass(frozen=True, slots=True)
class _Version:
    """A version; ``stamp`` and ``created`` are in microseconds since 1970-01-01 UTC."""

    listed: Listed
    stamp: int
    created: int
    grace: float | None

    @property
    def made(self) -> graces.Version:
        """As it was made: when the service says, which some databases cut to the second."""
        made = max(self.stamp, self.created)
        return graces.Version(self.listed.id, made / _MILLION, self.grace)


class BarbicanSecrets:
    """A secrets driver over a :class:`Client`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._names = kept.Names(client.config.prefix)
        most = client.config.payload_max_bytes - kept.AROUND_BYTES
        self._limits = SecretsLimits(value_max_bytes=most, versions_kept=_KEPT)

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> SecretsLimits:
        return self._limits

    async def get(self, op: Get, /) -> StoredSecret | None:
        for _ in range(_TURNS):
            versions = await self._versions(op.secret)
            wanted = self._wanted(versions, op.version)
            if wanted is None:
                return None
            payload = await self._client.payload(wanted.listed)
            if payload is not None:
                return StoredSecret(kept.opened(payload), wanted.listed.id)
        raise refusal(503)

    async def set(self, op: Set, /) -> str:
        older = await self._versions(op.secret)
        stamp = round(self._client.time.now() * _MILLION)
        if older:
            stamp = max(stamp, older[0].stamp + 1)
        stored = self._names.stored(op.secret)
        cut = op.secret if self._names.is_cut(stored) else None
        made = await self._client.made(
            {
                "name": stored,
                "mode": _note(stamp, op.grace),
                "algorithm": "omnicloud",
                **kept.closed(op.value, cut),
            }
        )
        await self._prune(older, graces.Version(made, stamp / _MILLION, op.grace))
        return made

    async def delete(self, op: Delete, /) -> bool:
        # The current one last: else an older one would be current for a while.
        gone = [
            await self._client.deleted(version.listed.id)
            for version in reversed(await self._versions(op.secret))
        ]
        return any(gone)

    async def list(self, op: List, /) -> NamePage:
        found: dict[str, Listed] = {}
        for listed in await self._client.listing(self._names.beginning(op.prefix) + "%"):
            found[listed.name] = listed
        known = [await self._name(listed) for listed in found.values()]
        names = sorted(
            name
            for name in known
            if name is not None
            and name.startswith(op.prefix)
            and (op.cursor is None or name > op.cursor)
        )
        page = tuple(names[: op.limit])
        return NamePage(page, page[-1] if len(names) > len(page) else None)

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        return self._readable(await self._versions(op.secret))

    async def wait(self, op: Await, /) -> str | None:
        clock = self._client.time.clock
        until = clock.monotonic() + op.wait
        while True:
            versions = await self._versions(op.secret)
            current = versions[0].listed.id if versions else None
            left = until - clock.monotonic()
            if current != op.known or left <= 0:
                return current
            await clock.sleep(min(left, self._client.config.watch_every))

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    async def _versions(self, name: str) -> tuple[_Version, ...]:
        """All versions that the service has, the newest first."""
        stored = self._names.stored(name)
        listed = await self._client.listing(stored)
        found = (_version(one) for one in listed if one.name == stored)
        return tuple(sorted(found, key=lambda one: (one.stamp, one.listed.id), reverse=True))

    def _readable(self, versions: tuple[_Version, ...]) -> tuple[VersionInfo, ...]:
        there = (version.made for version in versions)
        return graces.readable(there, _KEPT, self._client.time.now())

    def _wanted(self, versions: tuple[_Version, ...], asked: str | None) -> _Version | None:
        if asked is None:
            return versions[0] if versions else None
        if all(info.version != asked for info in self._readable(versions)):
            return None
        return next(version for version in versions if version.listed.id == asked)

    async def _prune(self, older: tuple[_Version, ...], new: graces.Version) -> None:
        """Delete what cannot be read any more; what is not deleted now is so at the next write."""
        there = (new, *(version.made for version in older))
        kept_ids = {info.version for info in graces.readable(there, _KEPT, self._client.time.now())}
        for version in reversed(older):
            if version.listed.id not in kept_ids:
                try:
                    await self._client.deleted(version.listed.id)
                except OmniCloudError:
                    return  # the write itself was acknowledged

    async def _name(self, listed: Listed) -> str | None:
        """The name of a listed secret; ``None`` where it is not one of ours, or gone."""
        if not self._names.is_cut(listed.name):
            return self._names.name(listed.name)
        payload = await self._client.payload(listed)
        name = None if payload is None else kept.name_inside(payload)
        return name if name is not None and self._names.stored(name) == listed.name else None


async def open_secrets(config: BarbicanConfig, opening: Opening) -> BarbicanSecrets:
    """A secrets driver on the configured service."""
    return BarbicanSecrets(await client_of(config, opening))


def _note(stamp: int, grace: float | None) -> str:
    given = "none" if grace is None else f"{math.ceil(grace * 1000):010x}"
    return f"oc1-{stamp:014x}-{given}"


def _version(listed: Listed) -> _Version:
    moment = datetime.fromisoformat(listed.created).replace(tzinfo=UTC)
    created = round(moment.timestamp() * _MILLION)
    ours = _NOTE.fullmatch(listed.note)
    if ours is None:
        return _Version(listed, created, created, None)
    grace = None if ours[2] == "none" else int(ours[2], 16) / 1000
    return _Version(listed, int(ours[1], 16), created, grace)
