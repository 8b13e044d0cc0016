"""Histories of locks: who holds, and with which token."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import replace

from omnicloud.contracts.locks import Lock, Locks
from omnicloud_tck.histories.checker import Model, State
from omnicloud_tck.histories.events import Action, Call, Fate
from omnicloud_tck.histories.subjects import Client, Modelled, Session

__all__ = ["Holdings"]

_TTL_SECONDS = 600.0  # longer than any history
_REFUSED = "refused"
_CANCELLED = "cancelled"


def holding(permits: int, state: State, call: Call) -> tuple[State, ...]:
    """At most so many attempts hold a name; each grant has a larger token than all before."""
    holders, last = state if isinstance(state, tuple) else (frozenset(), 0)
    attempt = call.action.args[0]
    if call.action.verb == "release":
        return ((holders - {attempt}, last),)
    if call.fate is Fate.UNKNOWN:
        granted = len(holders) < permits
        return (state, (holders | {attempt}, last)) if granted else (state,)
    if call.result == _REFUSED:
        return (state,) if len(holders) >= permits else ()
    token = call.result if isinstance(call.result, int) else last + 1
    return ((holders | {attempt}, token),) if len(holders) < permits and token > last else ()


class Holdings(Modelled):
    """Attempts that do not wait, and releases; with one permit a lock, with more a semaphore."""

    def __init__(self, permits: int = 1) -> None:
        self._permits = permits
        self.model = Model(
            (frozenset(), 0),
            lambda state, call: holding(permits, state, call),
            show=_shown,
        )

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("acquire", "acquire", "acquire", "release", "release"))
        return Action(verb, chance.choice(("l", "l", "m")), (fresh,))

    def open(self, client: Client) -> Session:
        return _Holder(Locks(client.pipeline, clock=client.clock), client.space, self._permits)

    def read(self, calls: Sequence[Call]) -> Sequence[Call]:
        """With what a failed attempt is followed by: what it may have won is given back.

        After a cancelled one before the client goes on, else at some time.
        """
        calm = all(c.fate is Fate.DONE or c.said == _CANCELLED for c in calls)
        read: list[Call] = []
        for call in calls:
            if call.fate is Fate.UNKNOWN and call.action.verb == "acquire":
                over = call.over if calm else None
                gone = replace(call.action, verb="release")
                back = replace(call, number=len(calls) + len(read), action=gone, ended=over)
                read.append(replace(back, after=call.number, said="given back"))
                read.append(replace(call, ended=over))
            else:
                read.append(call)
        return read


class _Holder:
    def __init__(self, locks: Locks, space: str, permits: int) -> None:
        self._locks, self._space, self._permits = locks, space, permits
        self._handles: dict[str, Lock] = {}
        self._held: dict[str, Hashable] = {}

    def resolve(self, action: Action) -> Action:
        """An attempt under its own name, a release of the attempt that was granted last."""
        if action.verb == "release" and action.key in self._held:
            return replace(action, args=(self._held[action.key],))
        return replace(action, verb="acquire")

    async def perform(self, action: Action) -> Hashable:
        handle = self._handles.get(action.key)
        if handle is None:
            handle = self._handles[action.key] = self._made(self._space + action.key)
        if action.verb == "release":
            await handle.release()
            self._held.pop(action.key, None)
            return None
        if not await handle.acquire():
            return _REFUSED
        self._held[action.key] = action.args[0]
        return "granted" if handle.token is None else handle.token

    def _made(self, name: str) -> Lock:
        if self._permits == 1:
            return self._locks.get_lock(name, _TTL_SECONDS)
        return self._locks.semaphore(name, self._permits, _TTL_SECONDS)


def _shown(state: State) -> str:
    holders, last = state if isinstance(state, tuple) else (frozenset(), 0)
    held = f"held by {', '.join(sorted(map(str, holders)))}" if holders else "free"
    return f"{held}, the last token {last}"
