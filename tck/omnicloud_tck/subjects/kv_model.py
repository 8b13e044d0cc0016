"""kv read plainly: keys with a value, a version and an end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from omnicloud.contracts.kv.driver import (
    Delete,
    DeleteMany,
    Get,
    GetMany,
    Increment,
    Scan,
    Set,
    SetMany,
)
from omnicloud.contracts.kv.models import Page, Record
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.lives import Life, alive, check_left, life_of
from omnicloud_tck.programs.model import NO_ANSWER, Failed, Span

__all__ = ["KVModel", "KVState", "Row"]

_NUMBER = re.compile(rb"0|-?[1-9][0-9]*")
_INT64 = 1 << 63
_CONFLICT, _EXISTS = Failed("ConflictError"), Failed("AlreadyExistsError")


@dataclass(frozen=True, slots=True)
class Row:
    """A key that was written.

    Attributes:
        version: As far as it was told.
        turn: Of which write it is.
    """

    value: bytes
    version: str | None = None
    life: Life | None = None
    turn: int = 0


@dataclass(frozen=True, slots=True)
class KVState:
    """One tenant's keys.

    Attributes:
        rows: Those that were not deleted; some may have ended.
        past: The versions that each key had.
        turns: When each key was written or deleted last.
    """

    rows: Mapping[str, Row]
    past: Mapping[str, frozenset[str]]
    turns: Mapping[str, int]
    turn: int = 0

    def live(self, key: str, span: Span) -> Row | None:
        """The row of a key, if it has not ended."""
        row = self.rows.get(key)
        return row if row is not None and alive(row.life, span) else None

    def wrote(self, key: str, row: Row | None) -> KVState:
        """The state after a key was written, or deleted."""
        turn, before = self.turn + 1, self.rows.get(key)
        rows, past = dict(self.rows), self.past
        if before is not None and before.version is not None:
            past = {**past, key: past.get(key, frozenset()) | {before.version}}
        rows.pop(key, None)
        if row is not None:
            rows[key] = replace(row, turn=turn)
        return KVState(rows, past, {**self.turns, key: turn}, turn)

    def learnt(self, key: str, version: str) -> KVState:
        """The state with a version that was not known before."""
        return replace(self, rows={**self.rows, key: replace(self.rows[key], version=version)})


class KVModel:
    """What each request may answer, and what it leaves."""

    def empty(self) -> KVState:
        return KVState({}, {}, {})

    def after(self, state: KVState, op: Any, answer: object, span: Span) -> KVState:
        match op:
            case Get():
                return self._got(state, op.key, answer, span, f"get {op.key!r}")
            case Scan():
                return self._scanned(state, op, answer, span)
            case GetMany():
                return self._got_many(state, op, answer, span)
            case Set():
                return self._set(state, op, answer, span)
            case SetMany():
                equal(None, answer, "set_many")
                return self._set_many(state, op, span)
            case Delete():
                return self._deleted(state, op, answer, span)
            case DeleteMany():
                equal(None, answer, "delete_many")
                return self._deleted_many(state, op, span)
            case _:
                return self._added(state, op, answer, span)

    def halfway(self, state: KVState, op: Any, span: Span) -> Iterator[KVState]:
        yield state
        match op:
            case Get() | GetMany() | Scan():
                return
            case Set() if self._refusal(state, op, span) is None:
                yield self._set(state, op, NO_ANSWER, span)
            case SetMany():
                yield self._set_many(state, op, span)
            case Delete() if self._refusal(state, op, span) is None:
                yield self._gone(state, op.key, span)
            case DeleteMany():
                yield self._deleted_many(state, op, span)
            case Increment() if self._sum(state, op, span) is not None:
                yield self._added(state, op, NO_ANSWER, span)

    def committed(self, before: KVState, inside: KVState) -> KVState:
        """The state after a transaction: the versions of what it wrote are not known yet."""
        written = {key for key, turn in inside.turns.items() if turn > before.turns.get(key, 0)}
        rows = {
            key: replace(row, version=None) if key in written else row
            for key, row in inside.rows.items()
        }
        past = dict(before.past)
        for key in written & before.rows.keys():
            version = before.rows[key].version
            past[key] = past.get(key, frozenset()) | ({version} if version else set())
        return KVState(rows, past, inside.turns, inside.turn)

    # Reads

    def _got(self, state: KVState, key: str, answer: object, span: Span, about: str) -> KVState:
        row = state.live(key, span)
        if row is None:
            equal(None, answer, about)
            return state
        if not isinstance(answer, Record):
            equal(row.value, answer, about)
            return state
        equal(row.value, answer.value, about)
        check_left(row.life, answer.expires_in, span, about)
        return self._versioned(state, key, row, answer.version, about)

    def _versioned(
        self, state: KVState, key: str, row: Row, version: object, about: str
    ) -> KVState:
        that(isinstance(version, str) and version, f"{about}: its version is {version!r}")
        if row.version is not None:
            equal(row.version, version, f"{about}: its version")
            return state
        that(version not in state.past.get(key, ()), f"{about}: it has an older version again")
        return state.learnt(key, str(version))

    def _got_many(self, state: KVState, op: GetMany, answer: object, span: Span) -> KVState:
        that(isinstance(answer, tuple), f"get_many answers a {type(answer).__name__}")
        answers: tuple[object, ...] = answer  # type: ignore[assignment]  # it was asked
        equal(len(op.keys), len(answers), "how many records get_many answers")
        for key, one in zip(op.keys, answers, strict=True):
            state = self._got(state, key, one, span, f"get_many of {len(op.keys)}, {key!r}")
        return state

    def _scanned(self, state: KVState, op: Scan, answer: object, span: Span) -> KVState:
        if not isinstance(answer, Page):
            that(False, f"a scan of {op.prefix!r} answers {answer!r}")
            return state
        keys = [key for key in sorted(state.rows) if key.startswith(op.prefix)]
        live = [key for key in keys if state.live(key, span)]
        told = live if answer.cursor is None else [key for key in live if key in answer.keys]
        equal(told, list(answer.keys), f"a scan of {op.prefix!r}")
        return state

    # Writes

    def _refusal(self, state: KVState, op: Set | Delete, span: Span) -> Failed | None:
        row = state.live(op.key, span)
        if isinstance(op, Set) and op.if_absent:
            return None if row is None else _EXISTS
        if op.if_version is None:
            return None
        if row is None:
            return _CONFLICT
        if row.version is None:
            return _CONFLICT if op.if_version in state.past.get(op.key, ()) else None
        return None if row.version == op.if_version else _CONFLICT

    def _set(self, state: KVState, op: Set, answer: object, span: Span) -> KVState:
        refusal, about = self._refusal(state, op, span), _about(op)
        if refusal is not None or isinstance(answer, Failed):
            row = state.live(op.key, span)
            if answer == _CONFLICT and refusal is None and row is not None and not row.version:
                return state  # nobody knew the version, so it may well be another
            equal(refusal, answer if isinstance(answer, Failed) else None, about)
            return state
        before = state.rows.get(op.key)
        done = state.wrote(op.key, Row(op.value, None, life_of(op.ttl, span)))
        if answer is NO_ANSWER:
            return done
        that(before is None or before.version != answer, f"{about}: it keeps its version")
        return self._versioned(done, op.key, done.rows[op.key], answer, about)

    def _set_many(self, state: KVState, op: SetMany, span: Span) -> KVState:
        for key, value in op.items:
            state = state.wrote(key, Row(value, None, life_of(op.ttl, span)))
        return state

    def _deleted(self, state: KVState, op: Delete, answer: object, span: Span) -> KVState:
        refusal, about = self._refusal(state, op, span), _about(op)
        row = state.live(op.key, span)
        if refusal is not None or isinstance(answer, Failed):
            if answer == _CONFLICT and refusal is None and row is not None and not row.version:
                return state
            equal(refusal, answer if isinstance(answer, Failed) else None, about)
            return state
        equal(row is not None, answer, about)
        return self._gone(state, op.key, span)

    def _gone(self, state: KVState, key: str, span: Span) -> KVState:
        return state if state.live(key, span) is None else state.wrote(key, None)

    def _deleted_many(self, state: KVState, op: DeleteMany, span: Span) -> KVState:
        for key in op.keys:
            state = self._gone(state, key, span)
        return state

    def _sum(self, state: KVState, op: Increment, span: Span) -> int | None:
        row = state.live(op.key, span)
        value = b"0" if row is None else row.value
        if not _NUMBER.fullmatch(value):
            return None
        total = int(value) + op.delta
        fits = -_INT64 <= int(value) < _INT64 and -_INT64 <= total < _INT64
        return total if fits else None

    def _added(self, state: KVState, op: Increment, answer: object, span: Span) -> KVState:
        total, about = self._sum(state, op, span), f"increment {op.key!r} by {op.delta}"
        if total is None:
            equal(_CONFLICT, answer, about)
            return state
        if answer is not NO_ANSWER:
            equal(total, answer, about)
        row = state.live(op.key, span)
        return state.wrote(op.key, Row(b"%d" % total, None, None if row is None else row.life))


def _about(op: Set | Delete) -> str:
    said = [op.name.removeprefix("kv."), repr(op.key)]
    if op.if_version is not None:
        said.append("with if_version")
    if isinstance(op, Set):
        said += ["with if_absent"] * op.if_absent + ["with ttl"] * (op.ttl is not None)
    return " ".join(said)
