"""Publishing, receiving and settling that meet on the same messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omnicloud.contracts.messaging import MessagingFeature
from omnicloud.contracts.messaging.driver import (
    Ack,
    Cancel,
    DeadLetters,
    Extend,
    Kill,
    Measure,
    Nack,
    Publish,
    Receive,
    Redrive,
    Replay,
    Subscribe,
)
from omnicloud.contracts.messaging.models import Delivery, Outgoing
from omnicloud_tck.check import that
from omnicloud_tck.programs.meetings import CANARY
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe, Version

__all__ = ["MESSAGING_MEETING"]

_LONG = 7200.0
_WAIT = 0.25
_TURNS = 3  # how often a group asks that is told of nothing
_MOST = 60
_BATCH = frozenset({MessagingFeature.BATCH})
_DEDUPE = frozenset({MessagingFeature.DEDUPE})
_DELAYED = frozenset({MessagingFeature.DELAYED})
_CANCEL = _DELAYED | {MessagingFeature.CANCEL}
_REPLAY = frozenset({MessagingFeature.REPLAY})
_GROUPS = ("g", "h")
_TAKEN = "taken"
_NUMBERED = "~"


def _message(space: str, name: str, key: str | None) -> Outgoing:
    return Outgoing(f"{space}{name}", f"{CANARY} {name}".encode(), key, {"n": name})


def _publish(space: str, *names: str, key: str | None = "k", delay: float | None = None) -> Publish:
    messages = tuple(_message(space, name, key) for name in names)
    return Publish(space, messages, delay)


async def _nothing(pipe: Pipe, space: str) -> dict[str, Any]:
    for group in _GROUPS:
        await pipe.send(Subscribe(space, group))
    return {}


async def _waiting(pipe: Pipe, space: str) -> dict[str, Any]:
    await _nothing(pipe, space)
    for name, key in (("one", "k"), ("two", "k"), ("three", None)):
        await pipe.send(_publish(space, name, key=key))
    return {}


async def _lent(pipe: Pipe, space: str) -> dict[str, Any]:
    """A dead letter of one group, a scheduled message, and the oldest of a key lent."""
    await _nothing(pipe, space)
    await pipe.send(_publish(space, "dead", key="k"))
    (dead,) = await _received(pipe, space, "g", 1)
    await pipe.send(Kill(space, "g", dead.receipt, "on purpose"))
    if pipe.driver.features >= _DELAYED:
        await pipe.send(_publish(space, "later", delay=_LONG))
    await pipe.send(_publish(space, "one"))
    (one,) = await _received(pipe, space, "g", 1)
    await pipe.send(_publish(space, "two"))
    return {"receipt": Version(one.receipt), "old": Version(dead.receipt)}


async def _received(pipe: Pipe, space: str, group: str, most: int) -> tuple[Delivery, ...]:
    found: tuple[Delivery, ...] = ()
    for _ in range(_TURNS):
        found = await pipe.send(Receive(space, group, most, _WAIT, _LONG))
        if found:
            break
    return found


def _name(one: Delivery, space: str) -> str:
    """What the message was called; an id that is new with each publish has its number behind."""
    return one.id.removeprefix(space).partition(_NUMBERED)[0]


def _told(one: Delivery, space: str) -> object:
    return _name(one, space), one.payload, one.key, dict(one.headers), one.attempt


async def _look(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    """Dead letters, whether what is scheduled is, and all that the groups are given."""
    page = await pipe.send(DeadLetters(space))
    left: list[Any] = [
        [(one.id.removeprefix(space), one.group, one.attempts) for one in page.letters]
    ]
    if pipe.driver.features >= _CANCEL:
        scheduled = [f"{space}{name}" for name in ("later", "much later")]
        left += [await pipe.send(Cancel(space, name)) for name in scheduled]
    receipt = known.get("receipt")
    if receipt is not None:
        left.append(await pipe.send(Ack(space, "g", receipt.text)))
    if pipe.driver.features >= _DEDUPE:
        await _publish_known(pipe, space, known)  # what was not taken is, and what was is not twice
    ordered = MessagingFeature.ORDERED in pipe.driver.features
    left.append(_alike(await _drained(pipe, space, "g"), space, ordered=ordered))
    return [*left, await _others(pipe, space, known.get(_TAKEN, []))]


async def _others(pipe: Pipe, space: str, taken: list[Delivery]) -> int:
    """How many messages the other group has beside those lent; which were is not promised.

    So what stands behind a lent one of its key, and is not given, counts as well.
    """
    found = await _drained(pipe, space, "h")
    _are_whole([*taken, *found], space)
    depth = await pipe.send(Measure(space, "h"))
    return len(found) + depth.ready + depth.waiting


async def _drained(pipe: Pipe, space: str, group: str) -> list[Delivery]:
    """What a group is given until it is given nothing."""
    found: list[Delivery] = []
    for _ in range(_MOST):
        some = await pipe.send(Receive(space, group, 10, _WAIT, _LONG))
        for one in some:
            await pipe.send(Ack(space, group, one.receipt))
        found += some
        if not some:
            break
    return found


def _alike(found: list[Delivery], space: str, *, ordered: bool) -> object:
    """What a group was given, of the key in its order where that is declared."""
    keyed = [_told(one, space) for one in found if one.key is not None]
    others = sorted(_name(one, space) for one in found if one.key is None)
    return keyed if ordered else sorted(map(repr, keyed)), others


def _are_whole(found: list[Delivery], space: str) -> None:
    """Break the law where a group was not given each once and as published."""
    ids = [one.id for one in found]
    that(len(set(ids)) == len(ids), "a message that is lent is given again")
    for one in found:
        name = _name(one, space)
        said = f"{CANARY} {name}".encode(), {"n": name}
        that((one.payload, dict(one.headers)) == said, f"the message {name!r} came as another")


def _publishing(*names: str, key: str | None = "k", delay: float | None = None) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        op = _publish(space, *names, key=key, delay=delay)
        if delay is None:  # an id that is not the caller's choice is a new one each time
            number = known[_NUMBERED] = known.get(_NUMBERED, 0) + 1
            new = (replace(m, id=f"{m.id}{_NUMBERED}{number}") for m in op.messages)
            op = replace(op, messages=tuple(new))
        return await pipe.send(op)

    return call


async def _publish_known(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
    message = _message(space, "known", "k")
    return await pipe.send(Publish(space, (message,), dedupe=True))


def _take(group: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        found = await _received(pipe, space, group, 1)
        known.setdefault(_TAKEN, []).extend(found)
        return [one.attempt for one in found]

    return call


def _settle(verb: str, name: str = "receipt") -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        receipt = known[name].text if name in known else "unknown"
        match verb:
            case "ack":
                return await pipe.send(Ack(space, "g", receipt))
            case "kill":
                return await pipe.send(Kill(space, "g", receipt, "on purpose"))
            case "extend":
                good: tuple[str, ...] = await pipe.send(Extend(space, "g", (receipt,), _LONG))
                return len(good)
            case _:
                return await pipe.send(Nack(space, "g", receipt, count=verb == "nack"))

    return call


def _redrive(group: str | None, *names: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        ids = tuple(f"{space}{name}" for name in names)
        return await pipe.send(Redrive(space, group, ids))

    return call


async def _cancel(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
    return await pipe.send(Cancel(space, f"{space}later"))


async def _replay(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
    return await pipe.send(Replay(space, "g", 0.0))


MESSAGING_MEETING = Meeting(
    {"three messages": _waiting, "a lent message": _lent},
    {
        "a publish": _publishing("new"),
        "another publish": _publishing("newer", key=None),
        "a publish of a known id": _publish_known,
        "a batch": _publishing("b1", "b2", "b3"),
        "a delayed publish": _publishing("much later", delay=_LONG),
        "a delivery": _take("h"),
        "another delivery": _take("h"),
        "an ack": _settle("ack"),
        "an ack of old": _settle("ack", "old"),
        "a giving back": _settle("nack"),
        "a giving back uncounted": _settle("return"),
        "a kill": _settle("kill"),
        "a renewal": _settle("extend"),
        "a redrive": _redrive(None),
        "a redrive of one": _redrive("g", "dead"),
        "a cancel": _cancel,
        "a replay": _replay,
        "a subscription": lambda pipe, space, known: pipe.send(Subscribe(space, "g")),
    },
    _look,
    needs={
        "a batch": _BATCH,
        "a publish of a known id": _DEDUPE,
        "a delayed publish": _DELAYED,
        "a cancel": _CANCEL,
        "a replay": _REPLAY,
    },
    reads=frozenset({"an ack of old"}),
)
