"""Requests to one Barbican as one principal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from omnicloud.core.http import Answer, Wire
from omnicloud.core.moments import ServiceTime
from omnicloud.core.opening import Opening
from omnicloud_barbican.config import BarbicanConfig
from omnicloud_barbican.errors import no_answer, refusal
from omnicloud_barbican.identity import Identity, identity_of

__all__ = ["Client", "Listed", "client_of"]

_PAGE = 100
_TURNS = 5  # of a listing under which secrets come and go
_GONE = 404


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing tells of a secret."""

    id: str
    name: str
    note: str
    created: str
    content_type: str


class Client:
    """The requests that the driver needs; a 404 about a secret is an answer, not an error."""

    def __init__(
        self, config: BarbicanConfig, wire: Wire, identity: Identity, time: ServiceTime
    ) -> None:
        self.config = config
        self.time = time
        self._wire = wire
        self._identity = identity
        self._base = f"{config.endpoint}/v1/secrets"

    async def listing(self, name: str) -> list[Listed]:
        """All secrets whose name is like ``name``, in which ``%`` stands for anything.

        ``_`` stands for any letter, and some databases take no notice of case: the caller
        looks again.
        """
        for _ in range(_TURNS):
            found = await self._pages(name)
            if found is not None:
                return found
        raise refusal(503)

    async def made(self, secret: Mapping[str, Any]) -> str:
        """Make a secret with its payload in one step; its id."""
        body = json.dumps(secret, ensure_ascii=False).encode()
        answer = await self._asked("POST", self._base, body=body)
        reference = _read(answer).get("secret_ref")
        if not isinstance(reference, str):
            raise no_answer()
        return reference.rpartition("/")[2]

    async def payload(self, secret: Listed) -> bytes | None:
        """The payload of a secret; ``None`` where it is gone."""
        url = f"{self._base}/{secret.id}/payload"
        answer = await self._asked("GET", url, accept=secret.content_type, missing=True)
        return None if answer.status == _GONE else answer.body

    async def deleted(self, id_: str) -> bool:
        """Delete a secret; whether it was there."""
        answer = await self._asked("DELETE", f"{self._base}/{id_}", missing=True)
        return answer.status != _GONE

    async def aclose(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def _pages(self, name: str) -> list[Listed] | None:
        """All pages of a listing; ``None`` where it changed between them."""
        found: list[Listed] = []
        totals: set[int] = set()
        while True:
            by = {"limit": _PAGE, "offset": len(found), "sort": "created:asc"}
            query = urlencode({**by, "name": name} if name != "%" else by)
            told = _read(await self._asked("GET", f"{self._base}?{query}"))
            secrets, total = told.get("secrets"), told.get("total")
            if not isinstance(secrets, list) or not isinstance(total, int):
                raise no_answer()
            totals.add(total)
            found += map(_listed, secrets)
            if len(totals) > 1:
                return None
            if len(found) >= total or not secrets:
                return [one for one in found if one.content_type]

    async def _asked(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        accept: str = "application/json",
        missing: bool = False,
    ) -> Answer:
        headers = {"accept": accept, **await self._identity.headers()}
        if body:
            headers["content-type"] = "application/json"
        started = self.time.clock.monotonic()
        answer = await self._wire.ask(method, url, headers, body)
        self.time.told(answer.headers.get("date"), started)
        if answer.status == 401:
            self._identity.refused()
        if answer.status < 300 or (missing and answer.status == _GONE):
            return answer
        raise refusal(answer.status, _title(answer.body))


async def client_of(config: BarbicanConfig, opening: Opening) -> Client:
    """The client of the configured service, opened once in this process's cloud.

    Raises:
        ConfigurationError: What answers does not speak the protocol.
    """

    async def open_() -> Client:
        bounds = config.bounds
        wire = Wire(bounds)
        identity = identity_of(config, wire, opening.clock)
        client = Client(config, wire, identity, ServiceTime(opening.clock))
        try:
            await client.listing("omnicloud-is-there-anybody")
        except BaseException:
            await client.aclose()
            raise
        return client

    secrets = tuple(
        None if secret is None else secret.get_secret_value()
        for secret in (config.credential_secret, config.token)
    )
    shown = config.model_dump_json(exclude={"credential_secret", "token"})
    return await opening.share(("barbican", shown, secrets), open_)


def _listed(secret: Mapping[str, Any]) -> Listed:
    types = secret.get("content_types") or {}
    return Listed(
        str(secret["secret_ref"]).rpartition("/")[2],
        str(secret.get("name") or ""),
        str(secret.get("mode") or ""),
        str(secret["created"]),
        str(types.get("default") or ""),
    )


def _read(answer: Answer) -> Mapping[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise no_answer()
    return told


def _title(body: bytes) -> str:
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    return str(told.get("title", "")) if isinstance(told, dict) else ""
