"""The front door: an application's services by their logical names."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, final, overload

from omnicloud.config.load import load
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.codec import codec_for
from omnicloud.core.durations import Seconds
from omnicloud.core.names import Scope, check_name
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.transactions import ended
from omnicloud.errors import ClosedError
from omnicloud.registry.discovery import Registry
from omnicloud.resolver.build import Services
from omnicloud.resolver.health import Health, check
from omnicloud.resolver.joint import JointTransaction
from omnicloud.resolver.plan import Plan
from omnicloud.resolver.planner import make_plan

if TYPE_CHECKING:
    from omnicloud.contracts.breaker import Breaker
    from omnicloud.contracts.cache import Cache
    from omnicloud.contracts.containers import Containers
    from omnicloud.contracts.documents import Documents
    from omnicloud.contracts.iam import IAM
    from omnicloud.contracts.kv import KV
    from omnicloud.contracts.locks import Locks
    from omnicloud.contracts.messaging import Messaging
    from omnicloud.contracts.objects import Objects
    from omnicloud.contracts.outbox import Outbox
    from omnicloud.contracts.sagas import SagaStates
    from omnicloud.contracts.secrets import Secrets

__all__ = ["CloudTransaction", "OmniCloud", "TenantCloud"]

T = TypeVar("T")


class _Joinable:
    """The accessors of the contracts that can take part in a transaction."""

    def _service(self, name: str, contract: str) -> Pipeline[Any]:
        raise ClosedError("the cloud is not open")

    @overload
    def kv(self, name: str) -> KV[str]: ...
    @overload
    def kv(self, name: str, kind: type[T]) -> KV[T]: ...
    def kv(self, name: str, kind: type[Any] = str) -> KV[Any]:
        """Small values by name; ``kind`` is the type of the values."""
        from omnicloud.contracts.kv import KV

        return KV(self._service(name, "kv"), codec_for(kind))

    def documents(self, name: str) -> Documents:
        """Documents in collections, found by what is in them."""
        from omnicloud.contracts.documents import Documents

        return Documents(self._service(name, "documents"))

    def outbox(self, name: str) -> Outbox:
        """Events that are saved beside business writes and published later."""
        from omnicloud.contracts.outbox import Outbox

        return Outbox(self._service(name, "outbox"))


@final
class CloudTransaction(_Joinable):
    """The services of one transaction, from :meth:`OmniCloud.transaction`."""

    def __init__(self, joint: JointTransaction) -> None:
        self._joint = joint

    def _service(self, name: str, contract: str) -> Pipeline[Any]:
        return self._joint.pipeline(name, contract)


class _Accessors(_Joinable):
    """The accessors of all contracts, over services that a subclass finds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._caches: dict[tuple[str, type[Any]], Cache[Any]] = {}

    @overload
    def cache(self, name: str) -> Cache[str]: ...
    @overload
    def cache(self, name: str, kind: type[T]) -> Cache[T]: ...
    def cache(self, name: str, kind: type[Any] = str) -> Cache[Any]:
        """Values that may be lost; ``kind`` is their type.

        The same object for the same name and type: it holds the flights of ``get_or_load``.
        """
        from omnicloud.contracts.cache import Cache

        pipeline = self._service(name, "cache")
        if (name, kind) not in self._caches:
            self._caches[name, kind] = Cache(pipeline, codec_for(kind), clock=self._clock)
        return self._caches[name, kind]

    def objects(self, name: str) -> Objects:
        """Blobs by key."""
        from omnicloud.contracts.objects import Objects

        return Objects(self._service(name, "objects"))

    def secrets(self, name: str) -> Secrets:
        """Small values that nobody may read by accident."""
        from omnicloud.contracts.secrets import Secrets

        return Secrets(self._service(name, "secrets"))

    def messaging(self, name: str) -> Messaging:
        """Messages by topic, published and consumed."""
        from omnicloud.contracts.messaging import Messaging

        return Messaging(self._service(name, "messaging"), self._clock)

    def sagas(self, name: str) -> SagaStates:
        """States of sagas."""
        from omnicloud.contracts.sagas import SagaStates

        return SagaStates(self._service(name, "sagas"))

    def locks(self, name: str) -> Locks:
        """Mutual exclusion between tasks, processes and machines."""
        from omnicloud.contracts.locks import Locks

        return Locks(self._service(name, "locks"), clock=self._clock)

    def breaker(
        self, name: str, failure_threshold: int = 5, reset_timeout: Seconds = 30.0
    ) -> Breaker:
        """A circuit of that name, whose state the service keeps for all who use it.

        Args:
            name: The service, and what the circuit is called.
            failure_threshold: So many failures in a row open the circuit.
            reset_timeout: After it an open circuit lets one trial call pass.

        For other thresholds make a ``Breaker`` over this one's ``pipeline``.
        """
        from omnicloud.contracts.breaker import Breaker

        pipeline = self._service(name, "breaker")
        return Breaker(
            failure_threshold, reset_timeout, name=name, pipeline=pipeline, clock=self._clock
        )

    def containers(self, name: str) -> Containers:
        """Programs that run apart."""
        from omnicloud.contracts.containers import Containers

        return Containers(self._service(name, "containers"), self._clock)

    def iam(self, name: str) -> IAM:
        """Who may do what, by the policies that the service keeps."""
        from omnicloud.contracts.iam import IAM

        return IAM(pipeline=self._service(name, "iam"), clock=self._clock)


@final
class TenantCloud(_Accessors):
    """The services of a cloud for one tenant, from :meth:`OmniCloud.for_tenant`.

    Every call through it is that tenant's, whatever ``with tenant(...)`` block it is made in.
    It is closed with its cloud. Keep it: the flights of its caches' ``get_or_load`` are its own.
    """

    def __init__(
        self, found: Callable[[str, str], Pipeline[Any]], tenant: str, clock: Clock
    ) -> None:
        super().__init__(clock)
        self._found = found
        self._tenant = tenant

    @property
    def tenant(self) -> str:
        """Whose services these are."""
        return self._tenant

    def _service(self, name: str, contract: str) -> Pipeline[Any]:
        return self._found(name, contract).for_tenant(self._tenant)


@final
class OmniCloud(_Accessors):
    """The services of an application.

    ::

        async with OmniCloud() as cloud:
            orders = cloud.kv("orders", Order)
            await orders.set("o-17", order, ttl=3600)

    Configured services are opened when the block is entered. A name that is not configured is
    an error, unless a default provider serves it: with no configuration at all that is the
    embedded ``local``; its services are opened at their first call, and closed with the rest.

    Accessors are plain functions that may be called as often as one likes; all objects of one
    name share one service. They raise ``InvalidArgumentError`` for a name that is not
    configured or that belongs to another contract, and ``ClosedError`` outside the block.

    Args:
        config: A file's path (that file and the environment), a mapping (that alone), or
            ``None``: ``omnicloud.toml`` where it is found, and the environment.
        providers: Those that may be used; all that are installed by default.
        clock: Where everything reads the time.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Mapping[str, object] | None = None,
        *,
        providers: Registry | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(clock)
        self._config = config
        self._registry = providers
        self._services: Services | None = None
        self._entered = False

    async def __aenter__(self) -> Self:
        """Plan, and open what is configured.

        Raises:
            ConfigurationProblems: Every mistake at once; nothing was opened.
            OmniCloudError: A service could not be opened; the others are closed again.
        """
        if self._entered:
            raise ClosedError("a cloud is opened once", hint="make another OmniCloud()")
        self._entered = True
        services = Services(self._plan(), clock=self._clock)
        await services.start()
        self._services = services
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close(quietly=error is not None)

    async def aclose(self) -> None:
        """Close everything; calls in flight get a grace of 5 s. Twice is silent.

        Raises:
            Exception: The first error of closing; everything is closed all the same.
        """
        await self._close(quietly=False)

    @property
    def plan(self) -> Plan:
        """What is running.

        Raises:
            ClosedError: Outside the block.
        """
        return self._open().plan

    def for_tenant(self, tenant: str) -> TenantCloud:
        """The same services for one tenant: its names are its own.

        Raises:
            InvalidArgumentError: The tenant is ``None``, empty or longer than 128 bytes of UTF-8.
        """
        Scope.of(check_name(tenant, "tenant"))
        return TenantCloud(self._service, tenant, self._clock)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[CloudTransaction]:
        """A block whose writes happen together when it ends, or not at all when it raises.

        The services taken from the yielded object must be on one store; the transaction begins
        with the first call of the first of them.

        Raises:
            InvalidArgumentError: At the first call of a service that is on another store; it
                names both. Nothing is written.
            UnsupportedError: A service has no transactions.
            ConflictError: At the end: another writer came first; nothing was written.
        """
        joint = JointTransaction(self._open())
        async with ended(joint):
            yield CloudTransaction(joint)

    async def health(self) -> tuple[Health, ...]:
        """One ping of each service that is configured or was asked for, at most 5 s."""
        return await check(self._open().running(), self._clock)

    def _plan(self) -> Plan:
        config = load(self._config)
        registry = self._registry
        return make_plan(config, registry or Registry.discover(blocked=config.blocked))

    def _open(self) -> Services:
        if self._services is None:
            hint = "use it inside its `async with` block"
            raise ClosedError("the cloud is not open", hint=hint)
        return self._services

    def _service(self, name: str, contract: str) -> Pipeline[Any]:
        return self._open().pipeline(name, contract)

    async def _close(self, *, quietly: bool) -> None:
        self._entered = True
        services, self._services = self._services, None
        if services is not None:
            await services.aclose(quietly=quietly)
