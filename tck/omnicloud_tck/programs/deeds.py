"""What a client does at once: one request, or a transaction of several."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from omnicloud.contracts.kv import KV
from omnicloud.contracts.kv.driver import Set, SetMany
from omnicloud.core.codec import BYTES
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ConflictError, OmniCloudError, Outcome
from omnicloud_tck.check import Broken, equal
from omnicloud_tck.programs.model import NO_ANSWER, Failed, Model, NoAnswer, Span

__all__ = ["Block", "Deed", "One", "Undone"]

_CALL_SECONDS = 90.0  # by the world's clock; longer than any store lets a transaction be open
Pipe = Pipeline[Any]


class Undone(Exception):  # noqa: N818 - thrown to take a transaction back
    """Nothing of it shall stay."""


@dataclass(frozen=True, slots=True)
class One:
    """One request."""

    op: Operation[Any, Any]

    def bounded(self) -> tuple[Operation[Any, Any], ...]:
        """What the driver's limits have to allow."""
        return (self.op,)

    async def run(self, pipe: Pipe) -> object:
        """Its answer, or which error it ended in."""
        return await _answer(pipe, self.op)

    def after(self, model: Model, state: Any, answer: object, span: Span) -> Any:
        """The state after this answer."""
        return model.after(state, self.op, answer, span)

    def halfway(self, model: Model, state: Any, span: Span) -> Iterator[Any]:
        """The states that may be where no answer came."""
        return model.halfway(state, self.op, span)


@dataclass(frozen=True, slots=True)
class Block:
    """A transaction of some requests.

    Attributes:
        keep: Whether it is committed.
    """

    ops: Sequence[Operation[Any, Any]]
    keep: bool = True

    def bounded(self) -> tuple[Operation[Any, Any], ...]:
        """What the driver's limits have to allow: each request, and all writes as one batch."""
        written: list[tuple[str, bytes]] = []
        for op in self.ops:
            if isinstance(op, Set):
                written.append((op.key, op.value))
            elif isinstance(op, SetMany):
                written += op.items
        return (*self.ops, SetMany(tuple(written)))

    async def run(self, pipe: Pipe) -> object:
        """The answers inside, or that another writer came first."""
        answers: list[object] = []
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                async with KV(pipe, BYTES).transaction() as inside:
                    answers += [await _answer(inside.pipeline, op) for op in self.ops]
                    if not self.keep:
                        raise Undone
        except Undone:
            return tuple(answers)
        except TimeoutError as error:
            raise _never_ended(error, "a transaction") from None
        except ConflictError as error:
            return Failed(type(error).__name__)
        return tuple(answers)

    def after(self, model: Model, state: Any, answer: object, span: Span) -> Any:
        """The state after these answers; that of before where it was undone."""
        if isinstance(answer, Failed):
            equal(Failed("ConflictError"), answer, "a transaction")
            return state
        inside = self._inside(model, state, answer, span)
        return model.committed(state, inside) if self.keep else state  # type: ignore[attr-defined]  # only of contracts with transactions

    def halfway(self, model: Model, state: Any, span: Span) -> Iterator[Any]:
        """All or nothing."""
        yield state
        if self.keep:
            yield model.committed(state, self._inside(model, state, NO_ANSWER, span))  # type: ignore[attr-defined]  # only of contracts with transactions

    def _inside(self, model: Model, state: Any, answer: object, span: Span) -> Any:
        answers = answer if isinstance(answer, tuple) else (NO_ANSWER,) * len(self.ops)
        for op, told in zip(self.ops, answers, strict=True):
            state = next(iter(_done(model, state, op, told, span)))
        return state


def _done(
    model: Model, state: Any, op: Operation[Any, Any], told: object, span: Span
) -> Iterator[Any]:
    if not isinstance(told, NoAnswer):
        yield model.after(state, op, told, span)
        return
    *_, last = model.halfway(state, op, span)
    yield last


Deed = One | Block


async def _answer(pipe: Pipe, op: Operation[Any, Any]) -> object:
    try:
        async with asyncio.timeout(_CALL_SECONDS):
            return await pipe.send(op)
    except OmniCloudError as error:
        if error.transient or error.outcome is Outcome.UNKNOWN:
            raise
        return Failed(type(error).__name__)
    except TimeoutError as error:
        raise _never_ended(error, op.name) from None


def _never_ended(error: TimeoutError, what: str) -> Exception:
    if isinstance(error, OmniCloudError):
        return error
    return Broken(f"{what} had not ended after {_CALL_SECONDS:g} s")
