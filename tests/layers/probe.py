"""A request and a driver that do what a test tells them, for tests of layers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import ClassVar

from omnicloud.core.context import ServiceInfo
from omnicloud.core.names import Scope
from omnicloud.core.operation import NO_FEATURES, Effect, Feature, Limits, Operation, Seal
from omnicloud.core.pipeline import Layer, Pipeline

SERVICE = ServiceInfo("orders", "probe", "scripted", "eu-west-1")


@dataclass(frozen=True, slots=True)
class Ask(Operation["Scripted", object]):
    name: ClassVar[str] = "probe.ask"
    key: str = "k"
    payload: bytes = b""
    does: Effect = Effect.IDEMPOTENT
    poll: float = 0.0
    keys: tuple[str, ...] | None = None

    @property
    def effect(self) -> Effect:
        return self.does

    @property
    def resource(self) -> str:
        return self.key

    @property
    def resources(self) -> tuple[str, ...]:
        return (self.key,) if self.keys is None else self.keys

    @property
    def waits(self) -> float:
        return self.poll

    def scoped(self, scope: Scope) -> Ask:
        return Ask(scope.enter(self.key), self.payload, self.does)

    def unscoped(self, result: object, scope: Scope) -> object:
        return scope.leave(result) if isinstance(result, str) else result

    def sealed(self, seal: Seal) -> Ask:
        return Ask(self.key, seal.close(self.payload, self.key), self.does)

    def unsealed(self, result: object, seal: Seal) -> object:
        return seal.open(result, self.key) if isinstance(result, bytes) else result

    def run(self, driver: Scripted) -> Awaitable[object]:
        return driver.ask(self)


READ = Ask(does=Effect.READ)
WRITE = Ask()
ONCE = Ask(does=Effect.ONCE)

Step = object  # an answer, an exception to raise, seconds to take, or a function of the request


@dataclass
class Scripted:
    """Takes one step per call; the last one again and again."""

    steps: list[Step] = field(default_factory=lambda: ["ok"])
    seen: list[Ask] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    running: int = 0
    most: int = 0
    closed: int = 0
    features: frozenset[Feature] = NO_FEATURES
    limits: Limits = field(default_factory=Limits)

    async def ask(self, op: Ask) -> object:
        self.seen.append(op)
        self.at.append(asyncio.get_running_loop().time())
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self._take(step, op)
        finally:
            self.running -= 1

    async def _take(self, step: Step, op: Ask) -> object:
        await asyncio.sleep(step if isinstance(step, float) else 0)
        if isinstance(step, BaseException):
            raise step
        if callable(step):
            return step(op)
        return step

    async def aclose(self) -> None:
        self.closed += 1
        await asyncio.sleep(0)


def pipeline(*layers: Layer, steps: list[Step] | None = None) -> Pipeline[Scripted]:
    return Pipeline(Scripted(steps or ["ok"]), layers, service=SERVICE)
