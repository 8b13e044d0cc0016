"""Where tokens come from: a service account's key, Google's usual chain, or nowhere."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol
from urllib.parse import urlencode

import anyio.lowlevel
import anyio.to_thread

from omnicloud.core.clock import Clock
from omnicloud.core.http import Wire
from omnicloud.errors import (
    ConfigurationError,
    Outcome,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_gcs.config import GcsConfig
from omnicloud_gcs.signing import SCOPE, Account

__all__ = ["Credentials", "account_of", "credentials_of"]

_SPARE_SECONDS = 300.0
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Credentials(Protocol):
    """Answers with a token that is good now; ``None``: none is sent."""

    async def token(self) -> str | None: ...


class NoCredentials:
    """Sends nothing."""

    async def token(self) -> str | None:
        return None


class AccountCredentials:
    """Exchanges assertions of a service account for tokens, one at a time."""

    def __init__(self, account: Account, wire: Wire, clock: Clock) -> None:
        self._account = account
        self._wire = wire
        self._clock = clock
        self._token, self._until = "", 0.0
        self._asking = asyncio.Lock()

    async def token(self) -> str | None:
        async with self._asking:
            if self._clock.monotonic() >= self._until:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        assertion = self._account.assertion(self._clock.wall())
        body = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await self._wire.ask("POST", self._account.token_uri, headers, body)
        if answer.status >= 500:
            raise UnavailableError("Google hands out no token", outcome=Outcome.NOT_DONE)
        try:
            told = json.loads(answer.body)
            token, seconds = str(told["access_token"]), float(told["expires_in"])
        except (ValueError, KeyError, TypeError):
            raise UnauthenticatedError(
                f"Google hands out no token: it answered {answer.status}",
                hint="check service_account_key and this machine's clock",
            ) from None
        self._token = token
        self._until = self._clock.monotonic() + max(seconds - _SPARE_SECONDS, seconds / 2)


class ChainCredentials:
    """What google-auth finds, renewed by it in a worker thread when it is due."""

    def __init__(self, found: Any, transport: Any) -> None:
        self._found = found
        self._transport = transport
        self._asking = asyncio.Lock()

    async def token(self) -> str | None:
        async with self._asking:
            if not self._found.valid:
                await anyio.to_thread.run_sync(self._refresh)
            return str(self._found.token)

    def _refresh(self) -> None:
        try:
            self._found.refresh(self._transport)
        except Exception as error:  # google-auth raises what its many sources do
            raise UnavailableError(
                "the credentials could not be renewed", outcome=Outcome.NOT_DONE
            ) from error


def account_of(config: GcsConfig) -> Account | None:
    """The service account whose key is configured."""
    held = config.service_account_key
    return None if held is None else Account.of(held.get_secret_value())


async def credentials_of(
    config: GcsConfig, account: Account | None, wire: Wire, clock: Clock
) -> Credentials:
    """The configured credentials.

    Raises:
        ConfigurationError: There are none, or google-auth is needed and not installed.
    """
    if account is not None:
        await anyio.lowlevel.checkpoint()
        return AccountCredentials(account, wire, clock)
    if config.anonymous:
        await anyio.lowlevel.checkpoint()
        return NoCredentials()
    return await anyio.to_thread.run_sync(_from_chain)


def _from_chain() -> Credentials:
    try:
        from google.auth import default
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
    except ImportError:
        raise ConfigurationError(
            "without service_account_key the credentials come from Google's chain, which is not "
            "installed",
            hint="pip install 'omnicloud-gcs[chain]', or give service_account_key",
        ) from None
    try:
        found, _ = default(scopes=[SCOPE])
    except GoogleAuthError as error:
        raise ConfigurationError(
            "there are no credentials: none in the settings, none in Google's chain",
            hint="give service_account_key, or set GOOGLE_APPLICATION_CREDENTIALS",
        ) from error
    return ChainCredentials(found, Request())
