"""The configured broker: one connection, made when it is needed, and its channels."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from pamqp import commands, frame, header
from pamqp.base import Frame
from pamqp.common import FieldTable

from omnicloud.core.clock import Clock
from omnicloud.core.opening import Opening
from omnicloud.core.tls import trusting
from omnicloud.core.unreachable import no_longer
from omnicloud.errors import (
    ConfigurationError,
    OmniCloudError,
    Outcome,
    ResourceExhaustedError,
    UnavailableError,
)
from omnicloud_rabbitmq.channel import Channel, Delivered
from omnicloud_rabbitmq.config import RabbitConfig
from omnicloud_rabbitmq.errors import (
    NOT_FOUND,
    OTHERWISE,
    Lost,
    Refusal,
    blocked,
    closed,
    translated,
    unconnected,
)
from omnicloud_rabbitmq.link import Link

__all__ = ["OLDEST", "Broker", "broker_of"]

OLDEST = (3, 10)
"""The oldest version served: quorum queues know times to live since then."""

_CLOSE_SECONDS = 0.5
_OF_THIS_MESSAGE = (312, 506)
_PORTS = {"amqp": 5672, "amqps": 5671}


class Broker:
    """Calls of one broker. Never repeats a request that may have been done."""

    def __init__(self, config: RabbitConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.version = ""
        self.queues: set[str] = set()
        """Names of the queues that it has made, or found made."""
        self.exchanges: set[str] = set()
        """Names of the exchanges."""
        self._link: Link | None = None
        self._connecting = asyncio.Lock()
        self._publishing: Channel | None = None
        self._asking: Channel | None = None
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._closed = False

    async def link(self) -> Link:
        """The connection; a new one where the last has ended.

        Raises:
            UnavailableError: None could be made; nothing was sent.
        """
        if self._closed:
            raise closed()
        if self._link is not None and self._link.open:
            return self._link
        async with self._connecting:
            if self._link is None or not self._link.open:
                self._link = await self._connected()
        return self._link

    async def channel(
        self, *, confirms: bool = False, strays: Callable[[Delivered], None] | None = None
    ) -> Channel:
        """One more channel."""
        link = await self.link()
        _check_reads(link)
        number = _free_number(link)
        made = Channel(link, number, strays)
        try:
            await made.ask(commands.Channel.Open())
            if confirms:
                await made.ask(commands.Confirm.Select())
        except (Refusal, Lost) as error:
            raise translated(error) from error
        except asyncio.CancelledError:
            made.end()
            raise
        return made

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        *,
        mandatory: bool = False,
        expires_ms: int | None = None,
    ) -> None:
        """Publish a message and wait until the broker has it.

        Raises:
            ResourceExhaustedError: It takes none now, or not this one; not done, unless it
                began to take none as this one was on its way.
        """
        channel = await self._publisher()
        _check_reads(channel.link)
        try:
            await channel.publish(exchange, key, body, mandatory=mandatory, expires_ms=expires_ms)
        except Refusal as error:
            if error.code in _OF_THIS_MESSAGE:
                raise translated(error) from error
            # It closed the channel, maybe for another message's sake.
            raise UnavailableError("the broker closed the channel") from error
        except Lost as error:
            raise translated(error) from error

    async def ask(self, *methods: Frame) -> Any:
        """Send methods at once and return the last one's answer.

        Raises:
            Refusal: The broker's word.
        """
        # One at a time: a refusal closes the channel, and must not be told to others.
        async with self._turn:
            channel = await self._asker()
            _check_reads(channel.link)
            try:
                answer = None
                for coming in [channel.post(method) for method in methods]:
                    answer = await channel.link.answer(coming)
            except Lost as error:
                raise translated(error) from error
            return answer

    async def count(self, queue: str) -> int | None:
        """How many messages wait in a queue; ``None`` where there is no such queue."""
        try:
            answer = await self.ask(commands.Queue.Declare(queue=queue, passive=True))
        except Refusal as error:
            if error.code == NOT_FOUND:
                return None
            raise translated(error) from error
        return int(answer.message_count)

    async def consumers(self, queue: str) -> int:
        """How many consumers a queue has; none where there is no such queue."""
        try:
            answer = await self.ask(commands.Queue.Declare(queue=queue, passive=True))
        except Refusal as error:
            if error.code == NOT_FOUND:
                return 0
            raise translated(error) from error
        return int(answer.consumer_count)

    async def made(self, method: commands.Queue.Declare) -> bool:
        """Make a queue; whether that is what there is now, and not another one of its name."""
        try:
            await self.ask(method)
        except Refusal as error:
            if error.code == OTHERWISE:
                return False
            raise translated(error) from error
        self.queues.add(method.queue)
        return True

    def note(self, *methods: Frame) -> None:
        """Remember what these make."""
        for method in methods:
            if isinstance(method, commands.Queue.Declare):
                self.queues.add(method.queue)
            elif isinstance(method, commands.Exchange.Declare):
                self.exchanges.add(method.exchange)

    async def declare(self, *methods: Frame) -> None:
        """Make queues, exchanges and bindings; queues that are there stay what they are."""
        self.note(*methods)
        lacking = [method for method in methods if not await self._is_there(method)]
        try:
            await self.ask(*lacking)
        except Refusal as error:
            raise translated(error) from error

    async def aclose(self) -> None:
        """Close the connection; the broker takes back what it has lent."""
        self._closed = True
        link, self._link = self._link, None
        if link is None or not link.open:
            return
        try:
            ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            link.listeners[0] = _Ending(ended)
            link.write(frame.marshal(commands.Connection.Close(200, "", 0, 0), 0))
            await asyncio.wait({ended}, timeout=_CLOSE_SECONDS)
        finally:
            link.abort(Lost())

    async def _is_there(self, method: Frame) -> bool:
        """Whether it would make a queue that is there already, maybe as another kind."""
        if not isinstance(method, commands.Queue.Declare):
            return False
        return await self.count(method.queue) is not None

    async def _publisher(self) -> Channel:
        async with self._opening:
            if self._publishing is None or not _stands(self._publishing):
                self._publishing = await self.channel(confirms=True)
            return self._publishing

    async def _asker(self) -> Channel:
        if self._asking is None or not _stands(self._asking):
            self._asking = await self.channel()
        return self._asking

    async def _connected(self) -> Link:
        failed: OmniCloudError | None = None
        for url in self.config.urls:
            try:
                async with asyncio.timeout(self.config.connect_timeout):
                    return await self._connected_to(url)
            except TimeoutError as error:
                failed = UnavailableError(
                    f"the broker at {urlsplit(url).netloc} did not let us in in time",
                    outcome=Outcome.NOT_DONE,
                )
                failed.__cause__ = error
            except (OSError, Refusal, Lost, OmniCloudError) as error:
                failed = unconnected(error, urlsplit(url).netloc)
                if self.version:
                    failed = no_longer(failed)
                if failed is not error:
                    failed.__cause__ = error
                if not failed.transient:
                    break
        raise failed or closed()

    async def _connected_to(self, url: str) -> Link:
        parts = urlsplit(url)
        link = Link(self.clock, self.config.heartbeat, self.config.answer_timeout)
        main = Channel(link, 0)
        greeting = main.expect()
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: link,
                parts.hostname or "",
                parts.port or _PORTS[parts.scheme],
                ssl=_tls(self.config) if parts.scheme == "amqps" else None,
            )
            link.write(header.ProtocolHeader().marshal())
            start = await greeting
            tune = await main.post(self._login())
            _tuned(link, tune)
            link.write(frame.marshal(_tune_ok(link, tune, self.config.heartbeat), 0))
            await main.post(commands.Connection.Open(virtual_host=self.config.vhost))
        except BaseException:
            link.abort(Lost())
            raise
        self._check_version(start.server_properties)
        link.beat(tune.heartbeat)
        return link

    def _login(self) -> commands.Connection.StartOk:
        secret = self.config.password.get_secret_value()
        capabilities: FieldTable = {
            "authentication_failure_close": True,
            "basic.nack": True,
            "connection.blocked": True,
            "consumer_cancel_notify": True,
            "publisher_confirms": True,
        }
        return commands.Connection.StartOk(
            client_properties={"product": "omnicloud", "capabilities": capabilities},
            mechanism="PLAIN",
            response=f"\0{self.config.username}\0{secret}",
            locale="en_US",
        )

    def _check_version(self, told: dict[str, Any]) -> None:
        version = str(told.get("version"))
        first = [int(part) for part in version.split(".")[:2] if part.isdigit()]
        if told.get("product") != "RabbitMQ" or not first:
            raise ConfigurationError("what answers is not RabbitMQ", hint="check urls")
        if tuple(first) < OLDEST:
            raise ConfigurationError(
                f"the broker is RabbitMQ {version}, too old for this provider",
                hint=f"run RabbitMQ {OLDEST[0]}.{OLDEST[1]} or newer",
            )
        self.version = version


async def broker_of(config: RabbitConfig, opening: Opening) -> Broker:
    """The broker of the settings, opened once in this process's cloud."""

    async def open_() -> Broker:
        broker = Broker(config, opening.clock)
        try:
            await broker.link()
        except BaseException:
            await broker.aclose()
            raise
        return broker

    key = (
        "rabbitmq",
        config.model_dump_json(exclude={"password", "namespace"}),
        config.password.get_secret_value(),
    )
    return await opening.share(key, open_)


class _Ending:
    """Waits for the broker's word that the connection is closed."""

    def __init__(self, ended: asyncio.Future[None]) -> None:
        self._ended = ended

    def on_method(self, method: Frame) -> None:
        if isinstance(method, commands.Connection.CloseOk):
            self.on_lost(Lost())

    def on_header(self, content: header.ContentHeader) -> None:
        """Pass over it."""

    def on_body(self, part: bytes) -> None:
        """Pass over it."""

    def on_lost(self, error: Exception) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


def _check_reads(link: Link) -> None:
    """Refuse to send what the broker has said that it does not read for now."""
    if link.blocked:
        raise blocked(Outcome.NOT_DONE)


def _stands(channel: Channel) -> bool:
    return channel.open and channel.link.open


def _free_number(link: Link) -> int:
    for number in _numbers(link):
        if number not in link.listeners:
            return number
    raise ResourceExhaustedError(
        f"all {link.channel_max} channels of the connection are in use",
        hint="consume fewer groups in one process, or raise the broker's channel_max",
    )


def _numbers(link: Link) -> Iterable[int]:
    return range(1, link.channel_max + 1)


def _tuned(link: Link, tune: commands.Connection.Tune) -> None:
    link.frame_max = min(link.frame_max, tune.frame_max or link.frame_max)
    link.channel_max = min(link.channel_max, tune.channel_max or link.channel_max)


def _tune_ok(link: Link, tune: commands.Connection.Tune, beat: int) -> commands.Connection.TuneOk:
    seconds = min(beat, tune.heartbeat) if tune.heartbeat else beat
    return commands.Connection.TuneOk(link.channel_max, link.frame_max, seconds)


def _tls(config: RabbitConfig) -> ssl.SSLContext:
    return trusting(config.tls_ca_file, config.tls_cert_file, config.tls_key_file)
