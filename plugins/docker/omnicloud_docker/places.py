"""Places among the events of an engine, which gives its events no numbers.

An engine keeps its last 256 events, of every kind and of everybody, and tells of none that it
has let go. So a place is made of events: the latest that were seen. While the engine has one of
them still, it has all that came after it; where it has none, there may be a hole.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from omnicloud.errors import InvalidArgumentError, NotFoundError

__all__ = ["KEPT", "Place", "lost"]

KEPT = 256
"""Events that an engine keeps: ``eventsLimit`` of moby's daemon/events, 1.13 to 28."""
_SLACK = 10**9
"""Nanoseconds by which events may come in another order than that of their stamps: an event is
stamped before it is put in its row, and the engine reads its row from the end to the first event
that is too old."""


class Place:
    """After which events a watcher goes on.

    Args:
        seen: The latest events that were seen, none where the engine had told none.
    """

    def __init__(self, seen: list[str] | None = None) -> None:
        self._seen = dict.fromkeys(seen or ())
        self.newest = max(map(_stamp, self._seen), default=0)

    @classmethod
    def of(cls, cursor: str) -> Place:
        """The place that a cursor names.

        Raises:
            InvalidArgumentError: The cursor is none that this provider gave.
        """
        try:
            seen = json.loads(cursor)
            if not isinstance(seen, list):
                raise TypeError
            return cls([str(one) for one in seen])
        except (TypeError, ValueError):
            raise InvalidArgumentError("the cursor is none that this provider gave") from None

    @property
    def is_known(self) -> bool:
        """Whether there is an event by which the engine can be asked for the place."""
        return bool(self._seen)

    @property
    def since(self) -> int:
        """From which nanosecond on the engine is to tell, some events of the place among it."""
        return max(self.newest - _SLACK, 0)

    def holds(self, raw: dict[str, Any]) -> bool:
        """Whether an event was seen already."""
        return _identity(raw) in self._seen

    def take(self, raw: dict[str, Any]) -> None:
        """Note an event as seen."""
        self._seen[_identity(raw)] = None
        self.newest = max(self.newest, int(raw["timeNano"]))

    def __str__(self) -> str:
        """The cursor. Events that the engine will not be asked for again are left out of it."""
        recent = [one for one in self._seen if _stamp(one) >= self.since]
        return json.dumps(recent[-KEPT:])


def lost() -> NotFoundError:
    """What a watcher is told where the engine may have let events go that it was not told."""
    return NotFoundError(
        f"what happened since is not all kept any more: an engine keeps {KEPT} events, none over "
        "its restart",
        hint="list the containers and watch from now on",
    )


def _identity(raw: dict[str, Any]) -> str:
    what = json.dumps([raw["Type"], raw["Action"], raw["Actor"]["ID"]])
    return f"{raw['timeNano']}.{hashlib.sha256(what.encode()).hexdigest()[:8]}"


def _stamp(identity: str) -> int:
    return int(identity.partition(".")[0])
