"""What must hold of the deliveries of a topic: no loss, no message lent twice, order per key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations

from omnicloud_tck.histories.events import Call, Fate
from omnicloud_tck.histories.subjects import Finding

__all__ = ["Deliveries"]

_FEW = 12  # calls, which are shown all
_LATE = 0.9  # of a lease, after which it may be over for whoever counts otherwise


class Deliveries:
    """The calls about a topic, by message.

    Args:
        lease: Seconds for which a message is lent.
        ordered: Whether messages of a key keep their order.
        blind: Whether what a failed call has kept lent stays away for longer than the history.
    """

    def __init__(
        self, calls: Sequence[Call], lease: float, *, ordered: bool = False, blind: bool = False
    ) -> None:
        self._calls = calls
        self._lease = lease
        self._ordered = ordered
        self._blind = blind and any(
            call.action.verb != "publish" and call.fate is not Fate.DONE for call in calls
        )
        self._published: dict[Hashable, Call] = {}
        self._lent: dict[tuple[str, Hashable], list[Call]] = defaultdict(list)
        self._settled: dict[tuple[str, Hashable], list[Call]] = defaultdict(list)
        for call in calls:
            self._enter(call)

    def _enter(self, call: Call) -> None:
        verb, group = call.action.verb, call.action.key
        if verb == "publish":
            self._published[call.action.args[0]] = call
        elif verb in ("ack", "nack"):
            self._settled[group, call.action.args[0]].append(call)
        elif isinstance(call.result, tuple):
            for tag in _tags(call):
                self._lent[group, tag].append(call)

    def wrong(self) -> Finding | None:
        """The first thing that must not be, if any."""
        for found in (self._strange(), self._twice(), self._refused(), self._overtaken()):
            for finding in found:
                return finding
        for group in ("g", "h"):
            for tag in () if self._blind else self.missing(group):
                why = f"group {group} was never given {tag}, which was acknowledged"
                return self._finding(why, group, tag)
        return None

    def missing(self, group: str) -> list[Hashable]:
        """The acknowledged messages that the group has not settled."""
        return [
            tag
            for tag, call in self._published.items()
            if call.fate is Fate.DONE
            and not any(
                one.action.verb == "ack" and (one.result is True or one.fate is Fate.UNKNOWN)
                for one in self._settled.get((group, tag), ())
            )
        ]

    def _strange(self) -> Iterator[Finding]:
        """Messages that no one published, or with another key."""
        for (group, tag), lent in self._lent.items():
            source = self._published.get(tag)
            for call in lent:
                if source is None or source.begun > call.over:
                    yield Finding(f"{tag} was delivered and not published", (call,))
                elif (tag, source.action.key) not in _pairs(call):
                    yield self._finding(f"{tag} was delivered with another key", group, tag)

    def _twice(self) -> Iterator[Finding]:
        """Messages lent to two at once, twice in one answer, or again after they were settled."""
        for (group, tag), lent in self._lent.items():
            settled = self._settled.get((group, tag), [])
            for call in lent:
                if _tags(call).count(tag) > 1:
                    yield self._finding(f"one answer held {tag} twice", group, tag, until=call)
                if any(_is_ack(one) and one.over < call.begun for one in settled):
                    yield self._finding(f"{tag} came again after its ack", group, tag, until=call)
            for one, two in combinations(lent, 2):
                if not (self._may_follow(two, one, settled) or self._may_follow(one, two, settled)):
                    yield self._finding(f"{tag} was lent to two at once", group, tag, until=two)

    def _may_follow(self, after: Call, before: Call, settled: Iterable[Call]) -> bool:
        """Whether one delivery may be the second: the first had ended, or was given back."""
        if after.over < before.begun:
            return False
        return after.ended_at - before.begun_at >= self._lease * _LATE or any(
            one.action.verb == "nack"
            and one.client == before.client
            and before.begun < one.begun < after.over
            for one in settled
        )

    def _refused(self) -> Iterator[Finding]:
        """Settlements that were refused although the client held the message."""
        for (group, tag), settled in self._settled.items():
            for call in settled:
                if call.fate is not Fate.DONE or call.result is not False:
                    continue
                lent = [
                    one
                    for one in self._lent.get((group, tag), ())
                    if one.client == call.client and one.over < call.begun
                ]
                if lent and call.ended_at - lent[-1].begun_at < self._lease * _LATE:
                    why = f"{call.action.verb} of {tag}, which was held, was refused"
                    yield self._finding(why, group, tag, until=call)

    def _overtaken(self) -> Iterator[Finding]:
        """Messages lent before an older one of their key was settled."""
        if not self._ordered:
            return
        for (group, tag), lent in self._lent.items():
            mine = self._published[tag]
            soonest = min(call.over for call in lent)
            for other, call in self._published.items():
                older = call.action.key == mine.action.key and call.over < mine.begun
                if not (older and mine.action.key and call.fate is Fate.DONE):
                    continue
                acks = [c for c in self._settled.get((group, other), ()) if c.action.verb == "ack"]
                if not any(one.begun < soonest for one in acks):
                    yield self._finding(f"{tag} overtook {other} of its key", group, tag, other)

    def _finding(self, why: str, group: str, *tags: Hashable, until: Call | None = None) -> Finding:
        """A finding about these messages, with what happened to them until that call."""
        calls = [one for one in self._calls if until is None or one.number <= until.number]
        about = [call for call in calls if _concerns(call, group, tags)]
        told = [call for call in calls if _is_told(call, group)]
        return Finding(why, tuple(told if len(told) <= _FEW else about))


def _pairs(call: Call) -> tuple[tuple[Hashable, Hashable], ...]:
    return call.result if isinstance(call.result, tuple) else ()


def _tags(call: Call) -> list[Hashable]:
    return [tag for tag, _ in _pairs(call)]


def _is_ack(call: Call) -> bool:
    return call.action.verb == "ack" and call.result is True


def _is_told(call: Call, group: str) -> bool:
    return call.action.verb == "publish" or (call.action.key == group and call.result != ())


def _concerns(call: Call, group: str, tags: tuple[Hashable, ...]) -> bool:
    if call.action.verb == "publish":
        return call.action.args[0] in tags
    if call.action.key != group:
        return False
    return any(tag in tags for tag in (*call.action.args, *_tags(call)))
