"""Requests to one bucket, with a token, over the JSON API."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from omnicloud.core.clock import Clock
from omnicloud.core.hallmark import OF_ANY_GATEWAY, Hallmark
from omnicloud.core.http import Answer, Wire
from omnicloud.core.opening import Opening
from omnicloud.errors import ConfigurationError, OmniCloudError, UnavailableError
from omnicloud_gcs.config import GcsConfig
from omnicloud_gcs.credentials import Credentials, account_of, credentials_of
from omnicloud_gcs.errors import reason_of, refusal
from omnicloud_gcs.signing import Account, encoded

__all__ = ["LISTING", "Client", "client_of", "told"]

_JSON = {"content-type": "application/json; charset=UTF-8"}
_NOTHING: Mapping[str, str] = {}
_HALLMARK = "x-guploader-uploadid"
LISTING = "storage#objects"
"""What a listing says that it is."""


class Client:
    """Requests below one bucket. None is repeated."""

    def __init__(
        self, config: GcsConfig, wire: Wire, account: Account | None, credentials: Credentials
    ) -> None:
        self.config = config
        self.account = account
        self._wire = wire
        self._credentials = credentials
        self.hallmark = Hallmark(_HALLMARK)
        self._bucket = f"/storage/v1/b/{encoded(config.bucket)}/o"

    def path(self, stored: str = "") -> str:
        """The path of an object, or of all."""
        return f"{self._bucket}/{encoded(stored)}" if stored else self._bucket

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send one request, with a JSON body where there is one; its whole answer.

        Raises:
            ThrottledError: All connections stayed busy; not done.
            UnavailableError: No connection (not done), or no whole answer, or that of
                something else (unknown).
            ConfigurationError: TLS failed; not done.
        """
        sent = b"" if body is None else json.dumps(body).encode()
        kind = _NOTHING if body is None else _JSON
        allowed = await self._allowed()
        answer = await self._wire.ask(
            method, self._url(path, query), {**headers, **kind, **allowed}, sent
        )
        self.hallmark.check(answer)
        return answer

    async def insert(
        self, resource: Mapping[str, Any], data: bytes, query: Mapping[str, str] = _NOTHING
    ) -> Answer:
        """Write an object in one request: its resource and its content."""
        boundary = secrets.token_hex(16)  # in no content, by chance
        kind = str(resource.get("contentType", ""))
        if not kind or not kind.isascii() or not kind.isprintable():
            kind = "application/octet-stream"
        head = (
            f"--{boundary}\r\ncontent-type: {_JSON['content-type']}\r\n\r\n"
            f"{json.dumps(resource)}\r\n--{boundary}\r\n"
            f"content-type: {kind}\r\n\r\n"
        )
        url = self._url(f"/upload{self._bucket}", {"uploadType": "multipart", **query})
        headers = {
            "content-type": f"multipart/related; boundary={boundary}",
            **await self._allowed(),
        }
        tail = f"\r\n--{boundary}--\r\n".encode()
        answer = await self._wire.ask("POST", url, headers, [head.encode(), data, tail])
        self.hallmark.check(answer)
        return answer

    def presigned(self, method: str, stored: str, at: float, seconds: int) -> str:
        """A URL that allows one method on one object; only where there is an account."""
        if self.account is None:
            raise ConfigurationError("only a service_account_key signs URLs")
        url = f"{self.config.endpoint}/{self.config.bucket}/{encoded(stored, '/')}"
        return self.account.presigned(method, url, at, seconds)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def _allowed(self) -> dict[str, str]:
        token = await self._credentials.token()
        return {} if token is None else {"authorization": f"Bearer {token}"}

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        asked = "&".join(f"{name}={encoded(value)}" for name, value in query.items())
        return f"{self.config.endpoint}{path}{'?' if asked else ''}{asked}"


def told(answer: Answer, kind: str | None = None) -> dict[str, Any]:
    """The JSON object that an answer is.

    Args:
        kind: What it has to say that it is.

    Raises:
        OmniCloudError: It is a refusal.
        UnavailableError: It is no JSON object of that kind: not the service's, or not whole.
    """
    if answer.status != 200:
        raise refusal(answer)
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise UnavailableError("the service's answer is no JSON") from error
    if not isinstance(found, dict):
        raise UnavailableError("the service's answer is no JSON object")
    if kind is not None and found.get("kind") != kind:
        raise UnavailableError(f"the service's answer is no {kind}")
    return found


async def client_of(config: GcsConfig, opening: Opening) -> Client:
    """The client of the configured bucket, opened once in this process's cloud.

    Raises:
        ConfigurationError: There is no such bucket, or what answers does not speak the protocol.
    """
    held = config.service_account_key
    shown = config.model_dump_json(exclude={"service_account_key", "prefix", "lacks", "keys"})
    secret = None if held is None else held.get_secret_value()
    return await opening.share(("gcs", shown, secret), lambda: _opened(config, opening.clock))


async def _opened(config: GcsConfig, clock: Clock) -> Client:
    account = account_of(config)
    wire = Wire(config.bounds)
    try:
        client = Client(config, wire, account, await credentials_of(config, account, wire, clock))
        await _check(client)
    except BaseException:
        await wire.aclose()
        raise
    return client


async def _check(client: Client) -> None:
    """Ask for a listing of next to nothing: who may use objects may list them."""
    query = {"maxResults": "1", "prefix": "~~", "fields": "kind"}
    answer = await client.ask("GET", client.path(), query)
    if answer.status == 404 and reason_of(answer):
        raise ConfigurationError(
            "there is no such bucket", hint="make it first, or check bucket and endpoint"
        )
    # The service itself gives its own word with each refusal.
    if answer.status != 200 and (reason_of(answer) or answer.status in OF_ANY_GATEWAY):
        raise refusal(answer)
    try:
        told(answer, LISTING)
    except OmniCloudError as error:
        raise ConfigurationError(
            f"what answers {answer.status} at the endpoint does not speak the protocol of Google "
            "Cloud Storage",
            hint="check endpoint",
        ) from error
    client.hallmark.learn(answer)
