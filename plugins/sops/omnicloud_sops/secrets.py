"""The secrets contract over a SOPS file. Nothing is kept: every call reads the file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import anyio
import anyio.to_thread

from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsFeature,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.core.clock import Clock
from omnicloud.core.files import Replacement
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import ConfigurationError, UnsupportedError
from omnicloud_sops.config import SopsConfig
from omnicloud_sops.document import Document, made
from omnicloud_sops.formats import parsed, rendered
from omnicloud_sops.identities import Identities, recipients_of
from omnicloud_sops.store import SecretFile

__all__ = ["WRITABLE", "SopsSecrets", "open_secrets"]

T = TypeVar("T")

WATCHED: frozenset[Feature] = frozenset({SecretsFeature.WATCH})
WRITABLE: frozenset[Feature] = WATCHED | {SecretsFeature.DURABLE}
_LIMITS = SecretsLimits(versions_kept=1)
_THREADS = 4
_LOOK = 0.25  # seconds between two looks of a watch


class SopsSecrets:
    """A secrets driver; one thread at a time changes the file, few read it."""

    def __init__(self, config: SopsConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._file = SecretFile(config.path)
        self._identities = Identities(config.identity, config.identity_file)
        self._readers = anyio.CapacityLimiter(_THREADS)
        self._writer = anyio.CapacityLimiter(1)

    @property
    def features(self) -> frozenset[Feature]:
        return WRITABLE if self._config.writable else WATCHED

    @property
    def limits(self) -> SecretsLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> StoredSecret | None:
        def read(document: Document) -> StoredSecret | None:
            value, version = document.value(op.secret), document.version(op.secret)
            if value is None or version is None or op.version not in (None, version):
                return None
            return StoredSecret(value, version)

        return await self._read(read)

    async def set(self, op: Set, /) -> str:
        def change(document: Document) -> str:
            document.set(op.secret, op.value, self._now())
            return document.version(op.secret) or ""

        return await self._change(change)

    async def delete(self, op: Delete, /) -> bool:
        return await self._change(lambda document: document.delete(op.secret, self._now()))

    async def list(self, op: List, /) -> NamePage:
        names = await self._read(lambda document: sorted(document.names()))
        after = op.cursor
        wanted = [
            name for name in names if name.startswith(op.prefix) and (after is None or name > after)
        ]
        more = len(wanted) > op.limit
        return NamePage(tuple(wanted[: op.limit]), wanted[op.limit - 1] if more else None)

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        raise UnsupportedError("a SOPS file keeps one version; older ones are in version control")

    async def wait(self, op: Await, /) -> str | None:
        until = self._clock.monotonic() + op.wait
        while True:
            version = await self._read(lambda document: document.version(op.secret))
            left = until - self._clock.monotonic()
            if version != op.known or left <= 0:
                return version
            await self._clock.sleep(min(_LOOK, left))

    async def aclose(self) -> None:
        """Nothing is held open."""

    async def prepare(self) -> None:
        """Look whether the file can be opened, and make it where that is asked for."""
        if self._config.create:
            right = Replacement()
            try:
                await anyio.to_thread.run_sync(self._create, right, limiter=self._writer)
            finally:
                right.end()
        await anyio.to_thread.run_sync(self._check, limiter=self._readers)

    async def _read(self, ask: Callable[[Document], T]) -> T:
        return await anyio.to_thread.run_sync(lambda: ask(self._document()), limiter=self._readers)

    async def _change(self, change: Callable[[Document], T]) -> T:
        if not self._config.writable:
            raise UnsupportedError(
                "this file of secrets is only read",
                hint="change it with sops and version control, or give a .json path",
            )
        right = Replacement()
        try:
            return await anyio.to_thread.run_sync(
                self._changed, change, right, limiter=self._writer
            )
        finally:
            right.end()

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock.wall(), UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    # What follows runs in a thread.

    def _document(self) -> Document:
        return Document(parsed(self._file.read(), self._config.format), self._identities.read())

    def _changed(self, change: Callable[[Document], T], right: Replacement) -> T:
        with self._file.turn(right):
            document = self._document()
            answer = change(document)
            if answer is not False:  # a delete of what is not there changes nothing
                self._file.write(rendered(document.tree), right)
            return answer

    def _create(self, right: Replacement) -> None:
        with self._file.turn(right):
            if not self._file.exists():
                identities = self._identities.read()
                recipients = recipients_of(self._config.recipients, identities)
                document = made(recipients, identities, self._now())
                self._file.write(rendered(document.tree), right)

    def _check(self) -> None:
        if not self._file.exists():
            raise ConfigurationError(
                f"path: there is no such file as {self._config.path}",
                hint="create = true makes an empty one",
            )
        self._document()


async def open_secrets(config: SopsConfig, opening: Opening) -> SopsSecrets:
    """A secrets driver on the configured file.

    Raises:
        ConfigurationError: There is no file, no identity, or the file uses what this provider
            does not know.
        PermissionDeniedError: None of the identities opens the file, or others may read them.
        CorruptedError: The file is empty, damaged, or not encrypted by SOPS.
    """
    driver = SopsSecrets(config, opening.clock)
    await driver.prepare()
    return driver
