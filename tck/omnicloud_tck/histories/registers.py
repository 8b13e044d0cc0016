"""Models of what has one state for each key: registers with versions, counters, sagas."""

from __future__ import annotations

from omnicloud_tck.histories.checker import Model, State
from omnicloud_tck.histories.events import Call, Fate

__all__ = ["CONFLICT", "COUNTER", "EVICTING", "EXISTS", "REGISTER", "SAGA"]

CONFLICT = "conflict"
"""The answer of a write over another version than the one it named."""

EXISTS = "exists"
"""The answer of a write to what should not have been there."""

_CONDITIONAL = ("set_at", "swap_at")

States = tuple[State, ...]


def register(state: State, call: Call) -> States:
    """A value with a version: ``None``, or (value, version).

    The version is ``None`` after a write of unknown fate, until a client has read it: no
    client can have named it before that.
    """
    verb, args = call.action.verb, call.action.args
    if call.fate is Fate.UNKNOWN:
        return _unseen(state, verb, args)
    if verb == "get":
        return (state,) if call.result == _value(state) else ()
    if verb == "entry":
        return _entry(state, call.result)
    if verb == "delete":
        return _deleted(state, args, call.result)
    return _written(state, verb, args, call.result)


def _unseen(state: State, verb: str, args: tuple[object, ...]) -> States:
    if verb == "set" or (verb == "create" and state is None):
        return ((args[0], None),)
    if verb in _CONDITIONAL and _is_version(state, args[1]):
        return ((args[0], None),)
    if verb == "delete" and (not args or _is_version(state, args[0])):
        return (None,)
    return (state,)


def _entry(state: State, result: object) -> States:
    if not isinstance(state, tuple) or not isinstance(result, tuple):
        return (state,) if state is None and result is None else ()
    same = state[0] == result[0] and state[1] in (None, result[1])
    return (result,) if same else ()


def _deleted(state: State, args: tuple[object, ...], result: object) -> States:
    named = not args or _is_version(state, args[0])
    if result == CONFLICT:
        return () if named else (state,)
    live = state is not None
    return (None,) if named and result in (live, None) else ()


def _written(state: State, verb: str, args: tuple[object, ...], result: object) -> States:
    if verb == "create":
        allowed, refusal = state is None, EXISTS
    elif verb in _CONDITIONAL:
        allowed, refusal = _is_version(state, args[1]), CONFLICT
    else:
        allowed, refusal = True, None
    if refusal is not None and result == refusal:
        return () if allowed else (state,)
    return ((args[0], result),) if allowed else ()


def _is_version(state: State, version: object) -> bool:
    return isinstance(state, tuple) and state[1] is not None and state[1] == version


def _value(state: State) -> State:
    return state[0] if isinstance(state, tuple) else None


def _shown(state: State) -> str:
    if not isinstance(state, tuple):
        return "absent"
    version = "a version no one has seen" if state[1] is None else f"version {state[1]}"
    return f"{state[0]} at {version}"


REGISTER = Model(None, register, show=_shown)
"""A key of a store: get, entry, set, create, set_at and swap_at (over a version), delete."""


def evicting(state: State, call: Call) -> States:
    """A register that may forget its value whenever it is read."""
    if call.fate is Fate.DONE and call.action.verb == "get" and call.result is None:
        return (None,)
    return register(state, call)


EVICTING = Model(None, evicting, show=_shown)
"""An entry of a cache."""


def counter(state: State, call: Call) -> States:
    """A number, ``None`` where there is none: add, put, get, delete.

    ``bump`` is an addition that does not tell the sum.
    """
    verb, args = call.action.verb, call.action.args
    before = state if isinstance(state, int) else 0
    if verb == "get":
        return (state,) if call.fate is Fate.UNKNOWN or call.result == state else ()
    adds = verb in ("add", "bump")
    after = before + _number(args) if adds else _number(args) if verb == "put" else None
    if call.fate is Fate.UNKNOWN:
        return (after,)
    expected = {"add": after, "delete": state is not None}.get(verb, call.result)
    return (after,) if call.result == expected else ()


def _number(args: tuple[object, ...]) -> int:
    return args[0] if isinstance(args[0], int) else 0


COUNTER = Model(None, counter)
"""A counter of a store."""


def saga(state: State, call: Call) -> States:
    """A state with a version that counts: ``None``, or (version, content)."""
    verb, args = call.action.verb, call.action.args
    version = state[0] if isinstance(state, tuple) else 0
    if verb == "get":
        return (state,) if call.fate is Fate.UNKNOWN or call.result == state else ()
    current = args[1] if verb == "update" else 0
    allowed = version == current and (verb == "create" or version > 0)
    if call.fate is Fate.UNKNOWN:
        return ((version + 1, args[0]),) if allowed else (state,)
    if call.result == CONFLICT:
        return () if allowed else (state,)
    return ((version + 1, args[0]),) if allowed and call.result == version + 1 else ()


SAGA = Model(None, saga)
"""The state of a saga: create, update over a version, get."""
