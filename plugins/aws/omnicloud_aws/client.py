"""Requests to one service: bounded in time and number, never sent twice, seen through.

aiobotocore's clients with their retries off. Its loggers tell whole requests, and its errors
carry signed headers: neither leaves this room.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
from aiobotocore.config import AioConfig  # type: ignore[import-untyped]  # has none
from aiobotocore.session import AioSession  # type: ignore[import-untyped]  # has none
from botocore import exceptions as native  # type: ignore[import-untyped]  # has none
from botocore.loaders import Loader, create_loader  # type: ignore[import-untyped]  # has none

from omnicloud.core.moments import ServiceTime
from omnicloud.core.opening import Opening
from omnicloud.core.tls import trusting
from omnicloud.core.unreachable import no_longer
from omnicloud.errors import (
    ConfigurationError,
    OmniCloudError,
    ThrottledError,
    UnavailableError,
)
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.errors import (
    RefusedError,
    closed,
    is_theirs,
    not_renewed,
    not_theirs,
    refusal,
    unanswered,
)
from omnicloud_aws.quiet import hushed, quieten

__all__ = ["Client", "client_of"]

_GRACE_SECONDS = 0.2
_PIECES_BYTES = 1 << 20  # from which on a request is not sent whole
_READING = ("get_", "list_", "describe_", "query", "transact_get_")
_MODELS = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")
_WITHOUT_REGION = "us-east-1"  # where an endpoint is set: emulators do not ask
_loader: Loader | None = None


class Client:
    """Requests to one service as one principal. No request is repeated.

    Attributes:
        at_amazon: Whether Amazon itself answers, which keeps what it acknowledged. What answers
            at another address may be an emulator, of which nothing is known.
    """

    def __init__(
        self,
        made: Any,
        stack: AsyncExitStack,
        config: AWSConfig,
        time: ServiceTime,
        *,
        at_amazon: bool = False,
    ) -> None:
        self._config = config
        self.time = time
        self.at_amazon = at_amazon
        self._made = made
        self._stack = stack
        self._turns = asyncio.Semaphore(config.max_connections)
        self._closed = False
        self._met = False

    async def ask(
        self, verb: str, expecting: Collection[str] = (), *, waits: float = 0.0, **asked: Any
    ) -> Mapping[str, Any]:
        """Send one request and return its answer.

        Args:
            verb: As aiobotocore spells it, ``get_item``.
            expecting: Codes of refusals that the caller knows what to do with.
            waits: Seconds that the service may take before it begins to answer.

        Raises:
            RefusedError: The answer has one of the codes in ``expecting``.
            ThrottledError: All connections stayed busy, or the service says so; not done.
            UnavailableError: No connection (not done), or no whole answer (unknown).
        """
        async with self._turn():
            call = self._answered(verb, asked, self._config.answer_timeout + waits)
            answer = await (call if verb.startswith(_READING) else _seen_through(call))
        if isinstance(answer, RefusedError):
            if answer.code in expecting:
                raise answer
            raise refusal(answer) if answer.has_word else self._told(refusal(answer))
        return answer

    async def aclose(self) -> None:
        """Close all connections; calls in flight end with their answers lost."""
        self._closed = True
        await self._stack.aclose()

    async def _answered(
        self, verb: str, asked: Mapping[str, Any], most: float
    ) -> Mapping[str, Any] | RefusedError:
        """The answer or the refusal; what else befalls is raised without botocore's errors."""
        started = self.time.clock.monotonic()
        lost: Exception
        try:
            with hushed():
                async with asyncio.timeout(most):
                    answer: Mapping[str, Any] = await getattr(self._made, verb)(**asked)
        except native.ClientError as error:
            refused = RefusedError(error.response)
            if error.operation_name != self._made.meta.method_to_api_mapping[verb]:
                raise not_renewed(refused) from None
            self._tell_time(error.response, started)
            return refused
        except TimeoutError as error:
            lost = error
        except Exception as error:  # noqa: BLE001 - botocore's parsers raise what they like
            lost = error
        else:
            if not is_theirs(answer):
                raise self._told(not_theirs(answer))
            self._met = True
            self._tell_time(answer, started)
            return answer
        if self._closed:
            raise closed()
        if isinstance(lost, TimeoutError):
            raise UnavailableError("the service did not answer in time")
        # The cause of botocore's error, which itself carries the signed request.
        raise self._told(unanswered(lost)) from getattr(lost, "kwargs", {}).get("error")

    def _told(self, error: OmniCloudError) -> OmniCloudError:
        return no_longer(error) if self._met else error

    def _tell_time(self, answer: Mapping[str, Any], started: float) -> None:
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        self.time.told(headers.get("date"), started)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._closed:
            raise closed()
        if self._turns.locked():
            await self._waited()
        else:
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    async def _waited(self) -> None:
        try:
            async with asyncio.timeout(self._config.answer_timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError(
                f"all {self._config.max_connections} connections stayed busy",
                hint="raise max_connections, or send fewer calls at once",
            ) from None


async def client_of(service: str, config: AWSConfig, opening: Opening) -> Client:
    """The client of one service, opened once in this process's cloud.

    Args:
        service: As botocore calls it, ``dynamodb``.

    Raises:
        ConfigurationError: There are no credentials and no region, or the profile is unknown.
    """
    secrets = tuple(
        None if secret is None else secret.get_secret_value()
        for secret in (config.secret_key, config.session_token)
    )
    theirs = {"secret_key", "session_token", "prefix", "table", "kms_key", "partitions"}
    others = {"create_table", "watch_every", "namespace", "look_seconds"}
    shown = config.model_dump_json(exclude=theirs | others)
    key = ("aws", service, shown, secrets)
    return await opening.share(key, lambda: opened(service, config, ServiceTime(opening.clock)))


async def opened(service: str, config: AWSConfig, time: ServiceTime) -> Client:
    """A client that the caller closes."""
    loader = await anyio.to_thread.run_sync(_loaded, service)
    stack = AsyncExitStack()
    try:
        session = AioSession(profile=config.profile)
        session.register_component("data_loader", loader)
        made = await stack.enter_async_context(
            session.create_client(service, **_arguments(service, config, session))
        )
    except native.NoRegionError:
        await stack.aclose()
        raise ConfigurationError(
            "no region is set: none in the settings, none in the chain of AWS",
            hint="set region, AWS_REGION or the profile's region",
        ) from None
    except (native.BotoCoreError, ValueError) as error:
        failed = ConfigurationError(
            f"aiobotocore refuses the settings: {type(error).__name__}",
            hint="check region, profile and endpoint",
        )
        await stack.aclose()
        raise failed from None
    made.meta.events.register("before-send", _in_pieces)
    quieten()
    return Client(made, stack, config, time, at_amazon=is_amazons(made.meta.endpoint_url))


def is_amazons(url: str) -> bool:
    """Whether an address is in one of the domains that botocore knows as Amazon's."""
    said = (_loader or create_loader()).load_data("partitions")["partitions"]
    domains = {one["outputs"][kind] for one in said for kind in ("dnsSuffix", "dualStackDnsSuffix")}
    host = urlsplit(url).hostname or ""
    return host.endswith(tuple(f".{domain}" for domain in domains))


def _in_pieces(request: Any, **_: object) -> None:
    """Let a long request be sent piece by piece: whole, it keeps the loop, and aiohttp warns."""
    if isinstance(request.body, bytes) and len(request.body) > _PIECES_BYTES:
        request.body = io.BytesIO(request.body)


def _arguments(service: str, config: AWSConfig, session: AioSession) -> dict[str, Any]:
    if config.tls_ca_file is not None:
        trusting(config.tls_ca_file)  # botocore tells one it cannot read as a lost connection
    held, token = config.secret_key, config.session_token
    most = config.answer_timeout + 60.0  # ours come first, and say what became of the request
    settings = AioConfig(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=config.connect_timeout,
        read_timeout=most,
        max_pool_connections=config.max_connections,
        parameter_validation=False,
        user_agent_extra="omnicloud-aws",
    )
    return {
        "region_name": _region(config, session),
        "endpoint_url": config.endpoint,
        "aws_access_key_id": config.access_key,
        "aws_secret_access_key": None if held is None else held.get_secret_value(),
        "aws_session_token": None if token is None else token.get_secret_value(),
        "verify": None if config.tls_ca_file is None else str(config.tls_ca_file),
        "config": settings,
    }


def _region(config: AWSConfig, session: AioSession) -> str | None:
    """The region that is set, here or in the chain of AWS.

    botocore does not look at ``AWS_REGION``, which the other tools of AWS put first.
    """
    said = config.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    return said or (None if config.endpoint is None else _WITHOUT_REGION)


def _loaded(service: str) -> Loader:
    """botocore's descriptions of the services, read once in a process, in a thread."""
    global _loader  # noqa: PLW0603 - files that never change
    if _loader is None:
        _loader = create_loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        _loader.load_data(name)
    for name in _MODELS:
        try:
            _loader.load_service_model(service, name)
        except native.DataNotFoundError:
            continue
    return _loader


async def _seen_through(call: Any) -> Any:
    """Carry a write; when cancelled wait a little for what became of it.

    Else it might be done after what its caller asks for next, on another connection.
    """
    carrying = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(carrying)
    finally:
        if not carrying.done():
            try:
                await asyncio.wait({carrying}, timeout=_GRACE_SECONDS)
            finally:
                carrying.cancel()
                await asyncio.wait({carrying}, timeout=_GRACE_SECONDS)
                _heard(carrying)
        else:
            _heard(carrying)


def _heard(carrying: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody asks for any more."""
    if carrying.done() and not carrying.cancelled():
        carrying.exception()
