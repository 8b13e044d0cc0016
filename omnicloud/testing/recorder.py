"""A layer that remembers what passed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Call, Handler

__all__ = ["Recorded", "Recorder"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call that ended."""

    operation: Operation[Any, Any]
    """The request, with its payload."""
    service: str
    tenant: str | None
    answer: object = None
    error: BaseException | None = None
    """What it raised, a cancellation included."""

    @property
    def name(self) -> str:
        """``"kv.set"``, for example."""
        return self.operation.name


class Recorder:
    """Records the calls that end, in the order in which they do.

    ::

        recorder = Recorder()
        store = KV(Pipeline(driver, [recorder]), TEXT)
        await store.set("a", "1")
        assert recorder.names == ["kv.set"]
    """

    def __init__(self) -> None:
        self._calls: list[Recorded] = []

    @property
    def calls(self) -> Sequence[Recorded]:
        """What passed so far."""
        return tuple(self._calls)

    @property
    def names(self) -> list[str]:
        """The names of the operations that passed so far."""
        return [call.name for call in self._calls]

    def clear(self) -> None:
        """Forget them."""
        self._calls.clear()

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on and record what became of it."""
        op, service, tenant = call.op, call.service.name, call.ambient.tenant
        try:
            answer = await proceed(call)
        except BaseException as error:
            self._calls.append(Recorded(op, service, tenant, error=error))
            raise
        self._calls.append(Recorded(op, service, tenant, answer))
        return answer
