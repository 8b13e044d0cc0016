"""The class users hold: small values that nobody may read by accident."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import final

from omnicloud.contracts.secrets.driver import (
    Await,
    Delete,
    Get,
    List,
    ListVersions,
    SecretsDriver,
    Set,
)
from omnicloud.contracts.secrets.models import Secret, SecretChange, StoredSecret, VersionInfo
from omnicloud.core.arguments import check_page_size
from omnicloud.core.durations import Seconds, seconds
from omnicloud.core.names import check_name, check_prefix
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, SecretNotFoundError

__all__ = ["Secrets"]

_WATCH_WAIT = 20.0  # seconds of one long poll; a watch asks again


@final
class Secrets:
    """Small values that nobody may read by accident.

    Names are any Unicode of 1 to 1,024 bytes of UTF-8 and match exactly; values are bytes or
    text of 0 to ``limits.value_max_bytes`` bytes, kept to the byte. Nothing is cached: each
    call asks the store. Every method may raise
    :class:`~omnicloud.errors.UnavailableError` (unknown), ``DeadlineExceededError`` (unknown)
    and ``ClosedError``; the others are named where they belong.
    """

    def __init__(self, pipeline: Pipeline[SecretsDriver]) -> None:
        self._pipeline = pipeline

    @property
    def pipeline(self) -> Pipeline[SecretsDriver]:
        """The way to the driver."""
        return self._pipeline

    async def get(self, name: str, *, version: str | None = None) -> Secret:
        """The current value of a secret, or that of one version.

        Args:
            name: 1 to 1,024 bytes of UTF-8.
            version: One that ``set``, ``rotate`` or ``list_versions`` returned. Needs
                ``versions``.

        Raises:
            SecretNotFoundError: There is none of that name, or not of that version.
        """
        asked = check_name(name, "name")
        stored = await self._pipeline.send(Get(asked, _version(version)))
        return _secret(name, stored)

    async def previous(self, name: str) -> Secret:
        """The version before the current one, while it is readable. Needs ``versions``.

        Raises:
            SecretNotFoundError: There is none of that name, or none before the current one.
        """
        versions = await self.list_versions(name)
        if len(versions) < 2:
            raise _not_found(name)
        return await self.get(name, version=versions[1].version)

    async def set(self, name: str, value: str | bytes | Secret) -> str:
        """Give a secret a new value and return its version.

        With ``versions`` the older ones stay readable by version.

        Raises:
            InvalidArgumentError: A bound is broken; nothing was sent.
        """
        return await self._pipeline.send(Set(check_name(name, "name"), _bytes(value)))

    async def rotate(self, name: str, value: str | bytes | Secret, *, grace: Seconds = 0.0) -> str:
        """Give a secret a new value, end the older versions, and return the new version.

        Args:
            name: 1 to 1,024 bytes of UTF-8.
            value: The new value, current at once.
            grace: How long the older versions stay readable by version.

        Needs ``versions``.
        """
        return await self._pipeline.send(
            Set(check_name(name, "name"), _bytes(value), seconds(grace, "grace"))
        )

    async def delete(self, name: str) -> bool:
        """Delete a secret with all its versions; whether it was there."""
        return await self._pipeline.send(Delete(check_name(name, "name")))

    async def list(self, prefix: str = "", *, page_size: int = 1000) -> AsyncIterator[str]:
        """Each name that starts with ``prefix`` once, in code-point order; never values."""
        check_prefix(prefix)
        check_page_size(page_size)
        cursor: str | None = None
        while True:
            page = await self._pipeline.send(List(prefix, cursor, page_size))
            for name in page.names:
                yield name
            cursor = page.cursor
            if cursor is None:
                return

    async def list_versions(self, name: str) -> tuple[VersionInfo, ...]:
        """The readable versions of a secret, the newest (the current one) first.

        Needs ``versions``.

        Raises:
            SecretNotFoundError: There is none of that name.
        """
        versions = await self._pipeline.send(ListVersions(check_name(name, "name")))
        if not versions:
            raise _not_found(name)
        return versions

    async def watch(self, name: str) -> AsyncIterator[SecretChange]:
        """Changes of a secret from now on, until the loop is left. Needs ``watch``.

        Several quick changes may be told as the last of them. "Now" is when the iteration
        starts. The change says which version is current; read it with ``get``.
        """
        known = await self._pipeline.send(Await(check_name(name, "name")))
        while True:
            version = await self._pipeline.send(Await(name, known, _WATCH_WAIT))
            if version != known:
                known = version
                yield SecretChange(name, version)

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()


def _secret(name: str, stored: StoredSecret | None) -> Secret:
    if stored is None:
        raise _not_found(name)
    return Secret(stored.value, name=name, version=stored.version)


def _not_found(name: str) -> SecretNotFoundError:
    return SecretNotFoundError(f"there is no secret {name!r}, or not of that version")


def _bytes(value: str | bytes | Secret) -> bytes:
    if isinstance(value, Secret):
        return value.reveal_bytes()
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"the value must be str, bytes or Secret, not {type(value).__name__}"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        # Not by catching UnicodeEncodeError, which would carry the value along.
        raise InvalidArgumentError(
            "the value holds a lone surrogate, which UTF-8 cannot carry", hint="give bytes"
        )
    return value.encode()


def _version(version: str | None) -> str | None:
    if version is not None and (not isinstance(version, str) or not version):
        raise InvalidArgumentError("version must be one that set, rotate or list_versions returned")
    return version
