"""What clients know of versions, and that no version is given twice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from omnicloud_tck.histories.events import Action, Call
from omnicloud_tck.histories.registers import CONFLICT, EXISTS
from omnicloud_tck.histories.subjects import Finding

__all__ = ["Versions", "reused"]

_WRITES = ("set", "create", "set_at", "swap_at")


class Versions:
    """The versions that one client has seen of each key, newest last."""

    def __init__(self) -> None:
        self._seen: dict[str, list[str]] = {}
        self._doubted: set[str] = set()

    def resolve(self, action: Action) -> Action:
        """Put a seen version in the place of "so many before the newest".

        Who has seen none, or was refused, looks first.
        """
        if not action.verb.endswith("_at"):
            return action
        seen = self._seen.get(action.key)
        if not seen or action.key in self._doubted:
            self._doubted.discard(action.key)
            return Action("entry", action.key)
        value, back = action.args
        version = seen[max(0, len(seen) - 1 - int(str(back)))]
        if action.verb == "delete_at":
            return Action("delete", action.key, (version,))
        return Action(action.verb, action.key, (value, version))

    def learn(self, action: Action, answer: Hashable) -> None:
        """Remember the version that an answer tells, or that the known one is no more."""
        if answer == CONFLICT:
            self._doubted.add(action.key)
            return
        version = answer[1] if isinstance(answer, tuple) else answer
        tells = action.verb in _WRITES or isinstance(answer, tuple)
        if tells and isinstance(version, str):
            self._seen.setdefault(action.key, []).append(version)


def reused(calls: Sequence[Call]) -> Finding | None:
    """Whether two writes of a key were given one version."""
    given: dict[Hashable, Call] = {}
    for call in calls:
        wrote = call.action.verb in _WRITES and isinstance(call.result, str)
        if not wrote or call.result in (EXISTS, CONFLICT):
            continue
        version = (call.action.key, call.result)
        if version in given:
            return Finding("two writes of a key were given one version", (given[version], call))
        given[version] = call
    return None
