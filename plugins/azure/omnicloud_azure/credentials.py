"""What lets a request in: a key that signs it, a signature in its URL, or a token."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

import anyio.lowlevel
import anyio.to_thread

from omnicloud.core.clock import Clock
from omnicloud.errors import ConfigurationError, Outcome, UnavailableError
from omnicloud_azure.config import AzureConfig
from omnicloud_azure.signing import AccountKey, stamp

__all__ = ["Credentials", "account_key_of", "credentials_of"]

_SCOPE = "https://storage.azure.com/.default"
_SPARE_SECONDS = 300.0
_NOTHING: Mapping[str, str] = {}


class Credentials(Protocol):
    """Lets requests in."""

    @property
    def query(self) -> Mapping[str, str]:
        """What every URL of the container carries, also those of sources of copies."""

    async def headers(
        self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str], size: int
    ) -> Mapping[str, str]:
        """What to send besides: as :meth:`AccountKey.authorization` says."""


class KeyCredentials:
    """Signs each request with the account's key."""

    query = _NOTHING

    def __init__(self, key: AccountKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    async def headers(
        self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str], size: int
    ) -> Mapping[str, str]:
        dated = {"x-ms-date": stamp(self._clock.wall())}
        signed = self._key.authorization(method, url, query, {**headers, **dated}, size)
        return {**dated, "authorization": signed}


class SasCredentials:
    """Carries the signature that someone else made."""

    def __init__(self, token: str) -> None:
        self._query = dict(parse_qsl(token.removeprefix("?"), keep_blank_values=True))
        if "sig" not in self._query:
            raise ConfigurationError(
                "sas_token is no shared access signature",
                hint="give the query that Azure made, from sv= on",
            )

    @property
    def query(self) -> Mapping[str, str]:
        return self._query

    async def headers(
        self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str], size: int
    ) -> Mapping[str, str]:
        return _NOTHING


class TokenCredentials:
    """What azure-identity finds, renewed by it in a worker thread when it is due."""

    query = _NOTHING

    def __init__(self, found: Any, clock: Clock) -> None:
        self._found = found
        self._clock = clock
        self._token, self._until = "", 0.0
        self._asking = asyncio.Lock()

    async def headers(
        self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str], size: int
    ) -> Mapping[str, str]:
        async with self._asking:
            if self._clock.monotonic() >= self._until:
                token, seconds = await anyio.to_thread.run_sync(self._renewed)
                self._token = token
                self._until = self._clock.monotonic() + max(seconds - _SPARE_SECONDS, seconds / 2)
            return {"authorization": f"Bearer {self._token}"}

    def _renewed(self) -> tuple[str, float]:
        try:
            told = self._found.get_token(_SCOPE)
        except Exception as error:  # azure-identity raises what its many sources do
            raise UnavailableError(
                "the credentials could not be renewed", outcome=Outcome.NOT_DONE
            ) from error
        return str(told.token), float(told.expires_on) - time.time()


def account_key_of(config: AzureConfig) -> AccountKey | None:
    """The configured key of the account."""
    held = config.account_key
    if held is None:
        return None
    return AccountKey(config.account, base64.b64decode(held.get_secret_value()))


async def credentials_of(config: AzureConfig, clock: Clock) -> Credentials:
    """The configured credentials.

    Raises:
        ConfigurationError: azure-identity is needed and not installed.
    """
    key = account_key_of(config)
    if key is not None:
        await anyio.lowlevel.checkpoint()
        return KeyCredentials(key, clock)
    if config.sas_token is not None:
        await anyio.lowlevel.checkpoint()
        return SasCredentials(config.sas_token.get_secret_value())
    return TokenCredentials(await anyio.to_thread.run_sync(_from_chain), clock)


def _from_chain() -> Any:
    try:
        from azure.identity import (
            DefaultAzureCredential,
        )
    except ImportError:
        raise ConfigurationError(
            "without account_key or sas_token the credentials come from the chain of Azure, which "
            "is not installed",
            hint="pip install 'omnicloud-azure[chain]', or give account_key",
        ) from None
    return DefaultAzureCredential()
