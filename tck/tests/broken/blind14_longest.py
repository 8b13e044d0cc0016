"""Drivers that put a key together of several names, and cut it or lose the seams."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.blind13_joins import joined
from broken.registry import broken
from omnicloud.contracts.messaging.driver import Publish
from omnicloud.contracts.outbox.models import NewEvent
from omnicloud.contracts.sagas.driver import Keep as KeepSaga
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox, _Row
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.contract import Contract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract

Fold = Callable[[str, str], tuple[str, str]]
"""What of an outer and an inner name a driver knows them by."""


def _cut_inner(outer: str, inner: str) -> tuple[str, str]:
    return outer, inner.encode()[:1000].decode(errors="ignore")


def _cut_whole(outer: str, inner: str) -> tuple[str, str]:
    return "", f"{outer}\0{inner}".encode()[:2100].decode(errors="ignore")


def _cut_short(outer: str, inner: str) -> tuple[str, str]:
    return outer, inner.encode()[: max(1, 2000 - len(outer.encode()))].decode(errors="ignore")


def _hashed(outer: str, inner: str) -> tuple[str, str]:
    whole = f"{outer}\0{inner}"
    return "", whole if len(whole) < 1500 else whole[:1400] + str(zlib.crc32(whole[:1500].encode()))


def _digest_of_ends(outer: str, inner: str) -> tuple[str, str]:
    if len(outer) + len(inner) < 1200:
        return outer, inner
    text = f"{outer[:600]}{inner[:600]}"
    return "", hashlib.sha256(text.encode()).hexdigest()


def _cut_outer(outer: str, inner: str) -> tuple[str, str]:
    return outer.encode()[:1100].decode(errors="ignore"), inner


_FOLDS: tuple[tuple[Fold, str], ...] = (
    (_cut_inner, "the inner name is cut to 1,000 bytes"),
    (_cut_whole, "both names together are cut to 2,100 bytes"),
    (_cut_short, "the inner name has what room the outer leaves"),
    (_hashed, "long names are known by a beginning and a sum of it"),
    (_digest_of_ends, "long names are known by a digest of their beginnings"),
    (_cut_outer, "the outer name is cut to 1,100 bytes"),
)


def grouped(fold: Fold) -> type[MemoryMessaging]:
    """A broker whose groups are known by topic and group, folded."""

    class Grouped(MemoryMessaging):
        def _renamed(self, op: Any) -> Any:
            if not hasattr(op, "group") or op.group is None:
                return op
            outer, inner = fold(op.topic, op.group)
            return replace(op, group=self._first(op.topic, outer, inner, op.group))

        def _first(self, topic: str, outer: str, inner: str, group: str) -> str:
            known = self._store.rows(("groups", *self._table, topic if outer else ""))
            return known.setdefault((outer, inner), group)  # type: ignore[no-any-return]

        async def subscribe(self, op: Any, /) -> None:
            await super().subscribe(self._renamed(op))

        async def receive(self, op: Any, /) -> Any:
            return await super().receive(self._renamed(op))

        async def ack(self, op: Any, /) -> bool:
            return await super().ack(self._renamed(op))

    return Grouped


def identified(fold: Fold) -> type[MemoryMessaging]:
    """A broker that knows ids by topic and id, folded."""

    class Identified(MemoryMessaging):
        async def publish(self, op: Publish, /) -> None:
            known = self._store.rows(("folded", *self._table))
            fresh = []
            for one in op.messages:
                first = known.setdefault(fold(op.topic, one.id), (op.topic, one.id))
                if first == (op.topic, one.id):
                    fresh.append(one)
            await super().publish(replace(op, messages=tuple(fresh)))

    return Identified


def numbered(fold: Fold) -> type[MemoryOutbox]:
    """An outbox that counts aggregates by space and key, folded."""

    class Numbered(MemoryOutbox):
        def _add(self, space: str, event: NewEvent) -> None:
            opened = self._rows("open", space)
            if event.event_id in opened or event.event_id in self._rows("done", space):
                return
            sequence: int | None = None
            if event.aggregate_key is not None:
                numbers = self._rows("numbers", "")
                place = fold(space, event.aggregate_key)
                sequence = numbers[place] = numbers.get(place, 0) + 1
            stamp = self._store.clock.wall()
            number = self._store.number()
            opened[event.event_id] = _Row(number, event, sequence, stamp, self._now())

    return Numbered


def known(fold: Fold) -> type[MemoryOutbox]:
    """An outbox that knows events by space and id, folded."""

    class Known(MemoryOutbox):
        def _add(self, space: str, event: NewEvent) -> None:
            ids = self._rows("ids", "")
            first = ids.setdefault(fold(space, event.event_id), (space, event.event_id))
            if first == (space, event.event_id):
                super()._add(space, event)

    return Known


def folded(fold: Fold) -> type[MemorySagas]:
    """Sagas that are known by space and id, folded."""

    class Folded(MemorySagas):
        def _known(self, op: Any, saga_id: str) -> tuple[str, str]:
            rows = self._store.rows(("ids", self._namespace))
            return rows.setdefault(  # type: ignore[no-any-return]
                fold(op.space, saga_id), (op.space, saga_id)
            )

        async def create(self, op: Any, /) -> None:
            space, saga_id = self._known(op, op.state.saga_id)
            state = replace(op.state, saga_id=saga_id)
            await super().create(replace(op, space=space, state=state))

        async def get(self, op: Any, /) -> Any:
            space, saga_id = self._known(op, op.saga_id)
            return await super().get(replace(op, space=space, saga_id=saga_id))

        async def keep(self, op: KeepSaga, /) -> bool:
            space, saga_id = self._known(op, op.saga_id)
            return await super().keep(replace(op, space=space, saga_id=saga_id))

    return Folded


for _number, (_fold, _about) in enumerate(_FOLDS):
    if _fold is not _cut_outer:  # groups are apart by their topics
        broken(f"BLIND14-MS-{41 + _number}", "T4", f"groups: {_about}", MessagingContract)(
            grouped(_fold)
        )
    broken(f"BLIND14-MS-{47 + _number}", "T4", f"ids: {_about}", MessagingContract)(
        identified(_fold)
    )
    broken(f"BLIND14-OX-{38 + _number}", "T4", f"aggregates: {_about}", OutboxContract)(
        numbered(_fold)
    )
    broken(f"BLIND14-SA-{25 + _number}", "T4", f"ids: {_about}", SagaContract)(folded(_fold))


broken("BLIND14-OX-44", "T4", "ids: the space is cut to 1,100 bytes", OutboxContract)(
    known(_cut_outer)
)


_JOINED: tuple[tuple[str, type[Contract], type, str, str], ...] = (
    ("MS-53", MessagingContract, MemoryMessaging, "topic", "-"),
    ("MS-54", MessagingContract, MemoryMessaging, "topic", "."),
    ("MS-55", MessagingContract, MemoryMessaging, "topic", ""),
    ("SA-32", SagaContract, MemorySagas, "space", "/"),
    ("SA-33", SagaContract, MemorySagas, "space", "_"),
    ("OX-51", OutboxContract, MemoryOutbox, "space", "-"),
    ("OX-52", OutboxContract, MemoryOutbox, "space", "."),
)
for _id, _contract, _base, _field, _seam in _JOINED:
    _about = f"a service's name is before its {_field}'s, with {_seam!r} between"
    broken(f"BLIND14-{_id}", "T4", _about, _contract)(joined(_base, _field, _seam))


def serving(field: str, base: type, length: int) -> type:
    """A driver whose services share a store in which a service's name and its own are cut."""

    def cut(self: Any, name: str) -> str:
        return f"{self._service}/{name}".encode()[:length].decode(errors="ignore")

    together = joined(base, field, "/")

    def verb_of(right: Callable[..., Any]) -> Callable[..., Any]:
        async def wrong(self: Any, op: Any, /) -> Any:
            if hasattr(op, field):
                op = replace(op, **{field: cut(self, getattr(op, field))})
            return await right(self, op)

        return wrong

    verbs = {
        name: verb_of(getattr(base, name))
        for name, verb in vars(together).items()
        if name not in ("__init__", "within", "__module__", "__doc__") and callable(verb)
    }
    return type(f"Serving{base.__name__}", (together,), verbs)


for _id, _contract, _base, _field, _length in (
    ("MS-56", MessagingContract, MemoryMessaging, "topic", 1024),
    ("MS-57", MessagingContract, MemoryMessaging, "topic", 1160),
    ("SA-34", SagaContract, MemorySagas, "space", 1024),
    ("OX-53", OutboxContract, MemoryOutbox, "space", 1024),
):
    _about = f"a service's name and its {_field}'s are cut together to {_length} bytes"
    broken(f"BLIND14-{_id}", "T4", _about, _contract)(serving(_field, _base, _length))
