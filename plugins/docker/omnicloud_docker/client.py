"""A client of the Engine API over aiohttp: requests, frames, and errors.

One connection for each request, closed after it: a cancelled call leaves nothing behind that
another could meet, and on a local socket a connection costs next to nothing.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from omnicloud.core.tls import trusting
from omnicloud.core.unreachable import elsewhere
from omnicloud.errors import ClosedError, ConfigurationError, NotFoundError
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.errors import Refusal, translated

__all__ = ["EngineClient", "frames"]

_OLDEST = (1, 41)
_HEADER = 8


class EngineClient:
    """Asks one engine."""

    def __init__(self, config: DockerConfig) -> None:
        connector, self._base = _connector(config)
        self._timeout = config.answer_timeout
        self._session = aiohttp.ClientSession(connector=connector)
        self._prefix = ""
        self.version = ""

    async def meet(self) -> dict[str, Any]:
        """Agree on the API's version; what the engine tells of itself.

        Raises:
            ConfigurationError: It is too old, or no engine.
        """
        try:
            told = await self.ask("GET", "/version")
            spoken = str(told["ApiVersion"])
            number = tuple(int(part) for part in spoken.split("."))
            self.version = str(told["Version"])
        except (LookupError, TypeError, ValueError, NotFoundError, Refusal) as error:
            raise ConfigurationError("what answers is no Docker Engine", hint="see url") from error
        if number < _OLDEST:
            raise ConfigurationError(
                f"the engine speaks API {spoken}, 1.41 is the oldest that serves"
            )
        self._prefix = f"/v{spoken}"
        info: dict[str, Any] = await self.ask("GET", "/info")
        return info

    async def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
        *,
        wait: float = 0.0,
    ) -> Any:
        """One request whose answer is JSON, ``None`` where it is empty."""
        async with self.answer(method, path, params, body, wait=wait) as response:
            data = await response.read()
        try:
            return json.loads(data) if data.strip() else None
        except ValueError as error:
            raise elsewhere("the engine", response.status) from error

    @asynccontextmanager
    async def answer(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
        *,
        wait: float = 0.0,
        raw: Any = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer to be read as it comes; native errors become the library's."""
        if self._session.closed:
            raise ClosedError("the connection to the engine is closed")
        try:
            async with self._session.request(
                method,
                f"{self._base}{self._prefix}{path}",
                params=params,
                json=body,
                data=raw,
                headers={"Content-Type": "application/x-tar"} if raw is not None else None,
                timeout=aiohttp.ClientTimeout(total=self._timeout + wait),
            ) as response:
                if response.status >= 400:
                    raise Refusal(response.status, (await response.read()).decode(errors="replace"))
                yield response
        except (Refusal, aiohttp.ClientError, OSError, TimeoutError) as error:
            told = translated(error)
            if told is error:
                raise
            raise told from error

    async def progress(
        self, path: str, params: Mapping[str, str], raw: Any = None, *, wait: float
    ) -> list[str]:
        """A long work of the engine: what it says meanwhile; an error in it is raised."""
        said = []
        async with self.answer("POST", path, params, wait=wait, raw=raw) as response:
            async for line in response.content:
                if line.strip():
                    step = json.loads(line)
                    if "error" in step:
                        raise Refusal(0, str(step["error"]))
                    said.append(str(step.get("stream") or step.get("status") or ""))
        return said

    async def aclose(self) -> None:
        """Close; twice is silent."""
        await self._session.close()


async def frames(stream: aiohttp.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """The frames of a program's output: 1 for stdout, 2 for stderr, and the bytes."""
    while True:
        header = b""
        while len(header) < _HEADER:
            part = await stream.read(_HEADER - len(header))
            if not part:
                return
            header += part
        size = int.from_bytes(header[4:], "big")
        yield header[0], await stream.readexactly(size)


def _connector(config: DockerConfig) -> tuple[aiohttp.BaseConnector, str]:
    if config.url.startswith("unix://"):
        path = config.url.removeprefix("unix://")
        return aiohttp.UnixConnector(path, force_close=True), "http://docker"
    context: ssl.SSLContext | bool = True
    if config.url.startswith("https://"):
        context = trusting(config.tls_ca_file, config.tls_cert_file, config.tls_key_file)
    return aiohttp.TCPConnector(ssl=context, force_close=True), config.url.rstrip("/")
