"""One server or cluster, shared by all services with the same address and credentials."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from omnicloud.core.clock import Clock
from omnicloud.core.opening import Opening
from omnicloud.core.unreachable import no_longer
from omnicloud.errors import ConfigurationError, OmniCloudError, Outcome, UnavailableError
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.errors import NativeError, closed, translated, unconnected
from omnicloud_nats.who import credentials_of, trust_of
from omnicloud_nats.wire import Answer, Headers, Wire, connected

__all__ = ["OLDEST", "Store", "store_of"]

OLDEST = (2, 12)
"""The oldest version served: lives of messages, atomic batches, scheduled messages."""

R = TypeVar("R")


class Store:
    """Requests to a server on one connection. Never repeats one that may have been done.

    A connection that loses an answer is given up with all that wait on it: what it still holds
    back must not come through after what is sent later on another.
    """

    def __init__(self, config: NatsConfig, clock: Clock) -> None:
        self.clock = clock
        self.config = config
        self._who = credentials_of(config)
        self._trust = trust_of(config) if _may_use_tls(config) else None
        self._connecting = asyncio.Lock()
        self._wire: Wire | None = None
        self._first = 0
        self._closed = False

    @property
    def is_without_streams(self) -> bool:
        """Whether the server says that it is alone and keeps no streams."""
        info = self._wire.info if self._wire else {}
        return bool(info) and not info.get("jetstream") and not info.get("cluster")

    @property
    def version(self) -> str:
        """Of the server that was reached last; empty before."""
        return str(self._wire.info.get("version", "")) if self._wire else ""

    @property
    def message_max_bytes(self) -> int:
        """What the server takes as one message, headers included."""
        said = self._wire.info.get("max_payload") if self._wire else None
        return said if isinstance(said, int) else 1 << 20

    async def ask(
        self,
        subject: str,
        payload: bytes = b"",
        headers: Headers | None = None,
        *,
        settle: bool = False,
    ) -> Answer:
        """One request and its answer.

        Args:
            settle: When cancelled, wait a moment for the answer, as :class:`Wire` says.

        Raises:
            OmniCloudError: As the table in ``errors`` says.
            NativeError: The answer is a status that is none of those.
        """
        wire = await self._connected()
        answer = await self._asked(wire, subject, payload, headers, settle=settle)
        if answer.status == 503:
            raise translated(NativeError(503, "no responders"))
        return answer

    async def api(self, verb: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """A request to JetStream's interface of JSON.

        Raises:
            NativeError: It says no; the caller translates what it does not expect.
            OmniCloudError: There is no answer.
        """
        body = json.dumps(request).encode() if request else b""
        return parsed((await self.ask(f"$JS.API.{verb}", body)).data)

    async def ask_all(self, messages: Sequence[tuple[str, bytes, Headers]]) -> Answer:
        """Publish messages back to back on one connection; the answer to the last."""
        wire = await self._connected()
        for message in messages[:-1]:
            wire.tell(*message)
        return await self._asked(wire, *messages[-1], settle=True)

    def tell(self, verb: str, body: bytes = b"") -> None:
        """Ask JetStream for something of which it does not matter whether it is done."""
        if self._wire is not None:
            self._wire.tell(f"$JS.API.{verb}", body)

    async def gather(
        self, subject: str, request: dict[str, Any], done: Callable[[Answer], bool], wait: float
    ) -> list[Answer]:
        """All answers to one request, up to the one for which ``done`` says so."""
        wire = await self._connected()
        seconds = self.config.answer_timeout + wait
        try:
            async with asyncio.timeout(seconds):
                return await _gathered(wire, f"$JS.API.{subject}", json.dumps(request), done)
        except (NativeError, TimeoutError) as error:
            raise self._failed(wire, error, seconds) from error

    async def aclose(self) -> None:
        """End the connection; calls in flight end with their answers lost."""
        self._closed = True
        if self._wire is not None:
            self._wire.abort()
        await asyncio.sleep(0)

    async def _asked(
        self, wire: Wire, subject: str, payload: bytes, headers: Headers | None, *, settle: bool
    ) -> Answer:
        seconds = self.config.answer_timeout
        try:
            return await wire.ask(subject, payload, headers, seconds=seconds, settle=settle)
        except (NativeError, TimeoutError) as error:
            raise self._failed(wire, error, seconds) from error

    def _failed(
        self, wire: Wire, error: NativeError | TimeoutError, seconds: float
    ) -> OmniCloudError:
        """What callers get; a connection that answered late is given up."""
        if isinstance(error, TimeoutError):
            wire.abort()
            return UnavailableError(f"the server did not answer within {seconds:.1f} s")
        return closed() if self._closed else translated(error)

    async def _connected(self) -> Wire:
        if self._closed:
            raise closed()
        if self._wire is not None and self._wire.is_idle:
            await asyncio.sleep(0)  # so that the loop looks whether it has ended
        if self._wire is not None and not self._wire.lost:
            return self._wire
        async with self._connecting:
            if self._wire is None or self._wire.lost:
                self._wire = await self._dialled()
                if self._closed:
                    self._wire.abort()
        return self._wire

    async def _dialled(self) -> Wire:
        """A connection to the first server that lets us in, beginning after the last one."""
        addresses = self.config.addresses
        failed: OmniCloudError = ConfigurationError("there is no server to connect to")
        for turn in range(len(addresses)):
            at = (self._first + turn) % len(addresses)
            try:
                wire = await self._dial(*addresses[at])
            except OmniCloudError as error:
                failed = error
            else:
                self._first = at + 1
                return wire
        raise failed

    async def _dial(self, host: str, port: int, must_tls: bool) -> Wire:
        try:
            async with asyncio.timeout(self.config.connect_timeout):
                return await connected(
                    host, port, secure=self._trust, who=self._who, must_tls=must_tls
                )
        except TimeoutError as error:
            raise UnavailableError(
                f"the server at {host}:{port} did not let us in within"
                f" {self.config.connect_timeout} s",
                hint="check the url, and whether the server speaks TLS first",
                outcome=Outcome.NOT_DONE,
            ) from error
        except (NativeError, OSError) as error:
            told = unconnected(error, f"{host}:{port}")
            raise (no_longer(told) if self._wire is not None else told) from error


async def _gathered(
    wire: Wire, subject: str, body: str, done: Callable[[Answer], bool]
) -> list[Answer]:
    heard: asyncio.Queue[Answer | Exception] = asyncio.Queue()
    found: list[Answer] = []
    number = wire.send(subject, body.encode(), None, heard.put_nowait, apart=True)
    try:
        while not found or not done(found[-1]):
            answer = await heard.get()
            if isinstance(answer, Exception):
                raise answer
            found.append(answer)
    finally:
        wire.forget(number)
    return found


def parsed(data: bytes) -> dict[str, Any]:
    """An answer of JetStream's interface.

    Raises:
        NativeError: It is a refusal.
    """
    said: dict[str, Any] = json.loads(data)
    error = said.get("error")
    if error:
        raise NativeError(int(error.get("err_code", 0)), str(error.get("description", "")))
    return said


async def store_of(config: NatsConfig, opening: Opening) -> Store:
    """The store of the configured server, opened once in this process's cloud.

    Raises:
        ConfigurationError: The server is older than :data:`OLDEST`, or has no JetStream.
    """

    async def open_() -> Store:
        store = Store(config, opening.clock)
        try:
            await _fits(store)
        except BaseException:
            await store.aclose()
            raise
        return store

    secrets = tuple(one and one.get_secret_value() for one in (config.password, config.token))
    plain = config.model_dump_json(exclude={"password", "token", "namespace"})
    return await opening.share(("nats", plain, secrets), open_)


async def _fits(store: Store) -> None:
    try:
        await store.api("INFO")
    except NativeError as error:
        raise translated(error) from error
    except UnavailableError as error:
        if store.is_without_streams:
            raise ConfigurationError(
                "the server runs without JetStream",
                hint="start it with -js; if it is a leaf, one of those behind it",
            ) from error
        raise
    words = store.version.split(".")[:2]
    if tuple(int(word) for word in words if word.isdigit()) < OLDEST:
        raise ConfigurationError(
            f"the server is NATS {store.version}, too old for this provider",
            hint=f"run nats-server {OLDEST[0]}.{OLDEST[1]} or newer",
        )


def _may_use_tls(config: NatsConfig) -> bool:
    files = (config.tls_ca_file, config.tls_cert_file)
    return any(files) or any(must for _, _, must in config.addresses)
