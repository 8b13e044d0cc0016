"""Where the keys come from: the settings, or the usual chain of AWS."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

import anyio.lowlevel
import anyio.to_thread

from omnicloud.errors import ConfigurationError, Outcome, UnavailableError
from omnicloud_s3.config import S3Config
from omnicloud_s3.signing import Keys

__all__ = ["Credentials", "credentials_of"]


class Credentials(Protocol):
    """Answers with keys that are good now, and for so many seconds where they can be."""

    async def keys(self, seconds: float = 0.0, /) -> Keys: ...


class FixedCredentials:
    """The keys of the settings."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def keys(self, seconds: float = 0.0, /) -> Keys:
        return self._keys


class ChainCredentials:
    """The keys that botocore finds, renewed by it in a worker thread when they are due."""

    def __init__(self, found: Any) -> None:
        self._found = found

    async def keys(self, seconds: float = 0.0, /) -> Keys:
        due = getattr(self._found, "refresh_needed", None)
        if due is not None and due():
            frozen = await anyio.to_thread.run_sync(self._renewed)
        else:
            frozen = self._found.get_frozen_credentials()
        if seconds and due is not None and due(seconds):
            frozen = await anyio.to_thread.run_sync(self._renewed_early)
        until = getattr(self._found, "_expiry_time", None)  # it says so nowhere else
        return Keys(
            frozen.access_key,
            frozen.secret_key,
            frozen.token,
            None if until is None else until.timestamp(),
        )

    def _renewed(self) -> Any:
        try:
            return self._found.get_frozen_credentials()
        except Exception as error:  # botocore raises what its many sources do
            raise UnavailableError(
                "the credentials could not be renewed", outcome=Outcome.NOT_DONE
            ) from error

    def _renewed_early(self) -> Any:
        """Before they are due, which botocore lets nobody ask for; as they are where it fails."""
        found = self._found
        with contextlib.suppress(Exception), found._refresh_lock:  # noqa: SLF001 - no other way
            found._protected_refresh(is_mandatory=False)  # noqa: SLF001 - no other way
        return self._renewed()


async def credentials_of(config: S3Config) -> Credentials:
    """The configured credentials.

    Raises:
        ConfigurationError: There are none, or botocore is needed and not installed.
    """
    if config.access_key is not None and config.secret_key is not None:
        held = config.session_token
        token = None if held is None else held.get_secret_value()
        secret = config.secret_key.get_secret_value()
        await anyio.lowlevel.checkpoint()
        return FixedCredentials(Keys(config.access_key, secret, token))
    return await anyio.to_thread.run_sync(_from_chain, config.profile)


def _from_chain(profile: str | None) -> Credentials:
    try:
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped] # has none
        from botocore.session import Session  # type: ignore[import-untyped] # has none
    except ImportError:
        raise ConfigurationError(
            "without access_key the credentials come from the chain of AWS, which is not installed",
            hint="pip install 'omnicloud-s3[chain]', or give access_key and secret_key",
        ) from None
    try:
        found = Session(profile=profile).get_credentials()
    except BotoCoreError as error:
        raise ConfigurationError(
            "the chain of AWS could not find credentials", hint="check the profile"
        ) from error
    if found is None:
        raise ConfigurationError(
            "there are no credentials: none in the settings, none in the chain of AWS",
            hint="give access_key and secret_key, or set AWS_PROFILE",
        )
    return ChainCredentials(found)
