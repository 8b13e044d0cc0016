"""Requests to one container, let in by its credentials."""

from __future__ import annotations

from collections.abc import Mapping

from omnicloud.core.clock import Clock
from omnicloud.core.hallmark import OF_ANY_GATEWAY, Hallmark
from omnicloud.core.http import Answer, Wire
from omnicloud.core.opening import Opening
from omnicloud.errors import ConfigurationError
from omnicloud_azure.config import AzureConfig
from omnicloud_azure.credentials import Credentials, account_key_of, credentials_of
from omnicloud_azure.errors import code_of, refusal
from omnicloud_azure.signing import API_VERSION, encoded, query_of

__all__ = ["Client", "client_of"]

_NOTHING: Mapping[str, str] = {}
_HALLMARK = "x-ms-request-id"


class Client:
    """Requests below one container. None is repeated."""

    def __init__(self, config: AzureConfig, wire: Wire, credentials: Credentials) -> None:
        self.config = config
        self._wire = wire
        self._credentials = credentials
        self.hallmark = Hallmark(_HALLMARK)

    async def ask(
        self,
        method: str,
        name: str = "",
        query: Mapping[str, str] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        body: bytes = b"",
    ) -> Answer:
        """Send one request and return its whole answer, whatever it says.

        Args:
            name: The blob's; empty for the container.
            query: Not encoded.
            headers: Named in lower case.

        Raises:
            ThrottledError: All connections stayed busy; not done.
            UnavailableError: No connection (not done), or no whole answer, or that of
                something else (unknown).
            ConfigurationError: TLS failed; not done.
        """
        url = self._url(name)
        sent = {**headers, "x-ms-version": API_VERSION}
        pairs = {**query, **self._credentials.query}
        sent |= await self._credentials.headers(method, url, pairs, sent, len(body))
        answer = await self._wire.ask(
            method, f"{url}?{query_of(pairs)}" if pairs else url, sent, body
        )
        self.hallmark.check(answer)
        return answer

    def source(self, name: str) -> str:
        """What a copy calls its source."""
        query = query_of(self._credentials.query)
        return f"{self._url(name)}?{query}" if query else self._url(name)

    def presigned(self, method: str, name: str, at: float, seconds: int) -> str:
        """A URL that allows one method on one blob; only where there is an account's key."""
        key = account_key_of(self.config)
        if key is None:
            raise ConfigurationError("only an account_key signs URLs")
        return key.presigned(method, self._url(name), self.config.container, name, at, seconds)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    def _url(self, name: str) -> str:
        return f"{self.config.base}/{encoded(name, '/')}" if name else self.config.base


async def client_of(config: AzureConfig, opening: Opening) -> Client:
    """The client of the configured container, opened once in this process's cloud.

    Raises:
        ConfigurationError: There is no such container, or what answers does not speak the protocol.
    """
    secrets = tuple(
        None if secret is None else secret.get_secret_value()
        for secret in (config.account_key, config.sas_token)
    )
    hidden = {"account_key", "sas_token", "prefix", "keys", "presign", "lacks"}
    shown = config.model_dump_json(exclude=hidden)
    return await opening.share(("azure", shown, secrets), lambda: _opened(config, opening.clock))


async def _opened(config: AzureConfig, clock: Clock) -> Client:
    wire = Wire(config.bounds)
    try:
        client = Client(config, wire, await credentials_of(config, clock))
        await _check(client)
    except BaseException:
        await wire.aclose()
        raise
    return client


async def _check(client: Client) -> None:
    """Ask for a listing of next to nothing: who may use objects may list them."""
    query = {"restype": "container", "comp": "list", "maxresults": "1", "prefix": "~~"}
    answer = await client.ask("GET", query=query)
    if answer.status == 200 and b"<EnumerationResults" in answer.body:
        client.hallmark.learn(answer)
        return
    # The service itself gives its own word with each refusal.
    if answer.status != 200 and (code_of(answer) or answer.status in OF_ANY_GATEWAY):
        raise refusal(answer)
    raise ConfigurationError(
        f"what answers {answer.status} at the endpoint does not speak the protocol of Azure Blob "
        "Storage",
        hint="check account and endpoint",
    )
