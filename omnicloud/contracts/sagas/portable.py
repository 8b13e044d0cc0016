"""The class users hold: the states of long-running work."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from typing import cast, final

from omnicloud.contracts.sagas.driver import Create, Get, ListSagas, SagaDriver, Update
from omnicloud.contracts.sagas.models import JSON, SagaRecord, SagaState, SagaStepHistory
from omnicloud.core.arguments import check_fields
from omnicloud.core.names import check_name
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import CorruptedError, InvalidArgumentError

__all__ = ["SPACE", "SagaStates", "check_payload", "to_record", "to_state"]

SPACE = "default"
"""The space of all sagas of a service outside every tenant."""

_PAGE = 100
_DEEPEST = 100
_INT64 = 1 << 63


@final
class SagaStates:
    """States of sagas, each changed by one writer at a time through its version.

    Ids, statuses and step names are names: any Unicode of 1 to 1,024 bytes of UTF-8. Every
    method may raise :class:`~omnicloud.errors.UnavailableError` (unknown),
    ``DeadlineExceededError`` (unknown) and ``ClosedError``.
    """

    def __init__(self, pipeline: Pipeline[SagaDriver]) -> None:
        self._pipeline = pipeline

    @property
    def pipeline(self) -> Pipeline[SagaDriver]:
        """The way to the driver."""
        return self._pipeline

    async def create_state(self, state: SagaState) -> SagaState:
        """Store a new saga and return it with version 1; the version given is ignored.

        Raises:
            SagaStateConflictError: There is one of that id; nothing was written.
            InvalidArgumentError: The payload is no JSON, or a bound is broken; nothing was sent.
        """
        await self._pipeline.send(Create(SPACE, to_record(state)))
        return state._replace(version=1)

    async def get_state(self, saga_id: str) -> SagaState | None:
        """The saga of an id, or ``None``."""
        record = await self._pipeline.send(Get(SPACE, check_name(saga_id, "saga_id")))
        return None if record is None else to_state(record)

    async def update_state(self, state: SagaState) -> SagaState:
        """Store a saga over the version that it has, and return it with version + 1.

        Raises:
            SagaStateConflictError: The stored version is another one, or there is no such
                saga; nothing was written.
            InvalidArgumentError: As :meth:`create_state`.
        """
        version = await self._pipeline.send(Update(SPACE, to_record(state)))
        return state._replace(version=version)

    async def list(self, status: str) -> AsyncIterator[SagaState]:
        """The sagas of a status in the order of their ids. Needs ``list``."""
        check_name(status, "status")
        after: str | None = None
        while True:
            page = await self._pipeline.send(ListSagas(SPACE, status, after, _PAGE))
            for record in page:
                yield to_state(record)
            if len(page) < _PAGE:
                return
            after = page[-1].saga_id

    async def aclose(self) -> None:
        """Close; calls in flight get a grace. Twice is silent."""
        await self._pipeline.aclose()


def to_record(state: SagaState) -> SagaRecord:
    """A state as a driver takes it.

    Raises:
        InvalidArgumentError: A part of it is not what a state holds.
    """
    check_fields(state, SagaState._fields, "a state", 'SagaState("order-1", "running", ...)')
    version = state.version
    if isinstance(version, bool) or not isinstance(version, int):
        raise InvalidArgumentError("version must be the int that create, get or update returned")
    return SagaRecord(
        check_name(state.saga_id, "saga_id"),
        check_name(state.status, "status"),
        _step(state.current_step),
        tuple(_entry(one) for one in state.history),
        _encoded(state.payload),
        version,
    )


def to_state(record: SagaRecord) -> SagaState:
    """A record as users see it.

    Raises:
        CorruptedError: Its payload is not a JSON object.
    """
    try:
        payload: object = json.loads(record.payload)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise CorruptedError("the stored payload of the saga is not a JSON object")
    history = [SagaStepHistory(*entry) for entry in record.history]
    return SagaState(
        record.saga_id,
        record.status,
        record.current_step,
        history,
        cast("JSON", payload),
        record.version,
    )


def _step(step: str | int | None) -> str | int | None:
    valid = step is None or (isinstance(step, int) and not isinstance(step, bool))
    if isinstance(step, int) and not -_INT64 <= step < _INT64:
        valid = False
    if valid:
        return step
    if not isinstance(step, str):
        raise InvalidArgumentError("current_step must be text, a 64-bit int or None")
    return step if not step else check_name(step, "current_step")


def _entry(entry: SagaStepHistory) -> tuple[str, str]:
    name, status = entry
    return check_name(name, "step_name"), check_name(status, "step status")


def check_payload(payload: JSON) -> None:
    """Refuse what is not a dict of JSON.

    Raises:
        InvalidArgumentError: It says what it is, never what it holds.
    """
    if not isinstance(payload, dict):
        raise InvalidArgumentError(f"payload must be a dict, not {type(payload).__name__}")
    _check_json(payload, _DEEPEST)


def _encoded(payload: JSON) -> bytes:
    check_payload(payload)
    try:
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError("the payload holds a lone surrogate") from None


def _check_json(value: object, deep: int) -> None:
    if deep == 0:
        raise InvalidArgumentError(f"the payload is more than {_DEEPEST} levels deep")
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise InvalidArgumentError(
                    f"a key of the payload is of type {type(name).__name__}, it must be text"
                )
            _check_json(inner, deep - 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_json(inner, deep - 1)
    elif not _is_scalar(value):
        raise InvalidArgumentError(
            f"the payload holds a {type(value).__name__} that JSON cannot carry"
        )


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)
