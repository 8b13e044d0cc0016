"""Who asks: a project in a header, a token, or an application credential of Keystone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import anyio
import anyio.lowlevel

from omnicloud.core.clock import Clock
from omnicloud.core.http import Wire
from omnicloud.errors import ConfigurationError, UnauthenticatedError, UnavailableError
from omnicloud_barbican.config import BarbicanConfig

__all__ = ["Identity", "identity_of"]

_EARLY_SECONDS = 60.0
_MADE = 201


class Identity(Protocol):
    """Answers with headers that say who asks."""

    async def headers(self) -> Mapping[str, str]: ...
    def refused(self) -> None:
        """Take in that the service did not accept them."""


class Fixed:
    """The same headers always."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    async def headers(self) -> Mapping[str, str]:
        await anyio.lowlevel.checkpoint()
        return self._headers

    def refused(self) -> None:
        """Nothing can be done about it."""


class Keystone:
    """A token for an application credential, asked for when the one before it ends.

    https://docs.openstack.org/api-ref/identity/v3/#authenticating-with-an-application-credential,
    2026-11.
    """

    def __init__(self, config: BarbicanConfig, wire: Wire, clock: Clock) -> None:
        self._config = config
        self._wire = wire
        self._clock = clock
        self._asking = anyio.Lock()
        self._token = ""
        self._until = 0.0

    async def headers(self) -> Mapping[str, str]:
        async with self._asking:
            if not self._token or self._clock.monotonic() >= self._until:
                await self._ask()
            return {"x-auth-token": self._token}

    def refused(self) -> None:
        """Forget the token: it may have been revoked, and the next call asks for another."""
        self._token = ""

    async def _ask(self) -> None:
        secret = self._config.credential_secret
        credential = {
            "id": self._config.credential_id,
            "secret": "" if secret is None else secret.get_secret_value(),
        }
        method = {"methods": ["application_credential"], "application_credential": credential}
        answer = await self._wire.ask(
            "POST",
            f"{self._config.auth_url}/auth/tokens",
            {"content-type": "application/json"},
            json.dumps({"auth": {"identity": method}}).encode(),
        )
        if answer.status == 401:
            raise UnauthenticatedError(
                "Keystone does not know the credential", hint="check credential_id and its secret"
            )
        if answer.status == 404:
            raise ConfigurationError("what answers is not Keystone", hint="check auth_url")
        if answer.status != _MADE or "x-subject-token" not in answer.headers:
            raise UnavailableError(f"Keystone answered {answer.status}")
        self._until = self._clock.monotonic() + self._left(answer.body)
        self._token = answer.headers["x-subject-token"]

    def _left(self, body: bytes) -> float:
        """Seconds for which the token is good, less some for the way."""
        try:
            ends = datetime.fromisoformat(json.loads(body)["token"]["expires_at"])
        except (ValueError, KeyError, TypeError):
            raise UnavailableError("Keystone's answer does not say when its token ends") from None
        return max(0.0, ends.timestamp() - self._clock.wall() - _EARLY_SECONDS)


def identity_of(config: BarbicanConfig, wire: Wire, clock: Clock) -> Identity:
    """The configured identity."""
    if config.project is not None:
        return Fixed({"x-project-id": config.project, "x-roles": "creator"})
    if config.token is not None:
        return Fixed({"x-auth-token": config.token.get_secret_value()})
    return Keystone(config, wire, clock)
