"""One stream: the last message of each subject, read and replaced under a condition."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from omnicloud.core.together import together
from omnicloud.errors import ConfigurationError, Outcome, UnavailableError
from omnicloud_nats.errors import NativeError, translated
from omnicloud_nats.server_time import ServerTime, seconds_of
from omnicloud_nats.store import Store
from omnicloud_nats.stored import Stored, acknowledged, delivered, got, told
from omnicloud_nats.wire import Answer

__all__ = ["Stream", "open_stream"]

_NO_MESSAGE = 10037
_EXISTS = 10058
_NANO = 1_000_000_000
_IDLE_SECONDS = 5
_DIRECT_END = (204, 404)
_PULL = 1000
_ROUNDED_SECONDS = 2e-6
_LAST_SECOND = 9_000_000_000.0  # the server's stamps are nanoseconds in 64 bits
_AT_ONCE = 16
_NAMES = 100_000  # as many subjects as the server tells at once
_AGREEING_SECONDS = 0.005
_AGREEING_TIMES = 400
_END = (404, 408, 409)
"""Statuses that end a pull: no messages, its time is over, the server's limits."""


class Stream:
    """A stream of a :class:`Store`, and the time at its server."""

    def __init__(self, store: Store, name: str, *, replicas: int) -> None:
        self.store = store
        self.name = name
        self.time = ServerTime(store.clock, self._now)
        self._direct = replicas == 1

    async def last(self, subject: str) -> Stored | None:
        """The last message of a subject, as the stream's leader knows it."""
        if self._direct:
            answer = await self.store.ask(f"$JS.API.DIRECT.GET.{self.name}.{subject}")
            return told(answer)
        return await self._asked({"last_by_subj": subject})

    async def at(self, seq: int) -> Stored | None:
        """The message of a number, if it is there."""
        if self._direct:
            body = json.dumps({"seq": seq}).encode()
            return told(await self.store.ask(f"$JS.API.DIRECT.GET.{self.name}", body))
        return await self._asked({"seq": seq})

    async def publish(
        self,
        subject: str,
        data: bytes,
        headers: dict[str, str] | None = None,
        *,
        over: int | None = None,
        among: str | None = None,
    ) -> int | None:
        """Append a message and return its number.

        Args:
            over: The number that the subject's last message must have, 0 where there must be
                none; ``None`` is returned, and nothing written, where it has another.
            among: Subjects whose last message it is instead.
        """
        said = dict(headers or {})
        if over is not None:
            said["Nats-Expected-Last-Subject-Sequence"] = str(over)
        if among is not None:
            said["Nats-Expected-Last-Subject-Sequence-Subject"] = among
        for _ in range(_AGREEING_TIMES):
            seq = acknowledged(await self.store.ask(subject, data, said, settle=True))
            if seq is not None or over is None or await self._is_past(among or subject, over):
                return seq
            await self.store.clock.sleep(_AGREEING_SECONDS)
        raise UnavailableError("the servers do not come to agree", outcome=Outcome.NOT_DONE)

    async def publish_all(
        self, messages: Sequence[tuple[str, bytes, dict[str, str]]]
    ) -> int | None:
        """Append these messages in one step, or none of them; the last one's number.

        ``None`` where the condition of one, which its headers say, does not hold.
        """
        batch = uuid.uuid4().hex
        made = [
            (subject, data, {**headers, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)})
            for number, (subject, data, headers) in enumerate(messages, 1)
        ]
        made[-1][2]["Nats-Batch-Commit"] = "1"
        return acknowledged(await self.store.ask_all(made))

    async def _is_past(self, subject: str, over: int) -> bool:
        """Whether a refusal can be seen: of several servers, the leader refuses a write already
        because of another that is on its way to the others, and which may yet come to nothing.
        """
        if self._direct:
            return True
        if "*" in subject:
            return bool(await self.count(subject)) == (over == 0)
        found = await self.last(subject)
        return (found.seq if found else 0) != over

    async def info(self, subjects: str | None = None, offset: int = 0) -> dict[str, Any]:
        """What the server says of the stream, with the messages of each such subject."""
        request = {"subjects_filter": subjects, "offset": offset} if subjects else None
        try:
            return await self.store.api(f"STREAM.INFO.{self.name}", request)
        except NativeError as error:
            raise translated(error) from error

    async def end(self) -> int:
        """The number of the stream's last message."""
        return int((await self.info())["state"]["last_seq"])

    async def after(
        self,
        seq: int,
        subjects: Sequence[str],
        *,
        most: int = _PULL,
        wait: float = 0.0,
        bare: bool = False,
    ) -> list[Stored]:
        """The first messages with larger numbers on these subjects.

        Args:
            wait: Seconds to wait for the first one.
            bare: Without their data.
        """
        config = {"deliver_policy": "by_start_sequence", "opt_start_seq": seq + 1}
        consumer, pending = await self._consumer(config, subjects, wait, bare=bare)
        try:
            if pending:
                return await self._pull(consumer, min(most, pending))
            if wait <= 0:
                return []
            first = await self._pull(consumer, 1, wait)
            left = min(most - 1, first[-1].pending) if first else 0
            return first + await self._pull(consumer, left) if left else first
        finally:
            self._drop(consumer)

    async def next_of(
        self, seq: int, subjects: Sequence[str], *, most: int, at: int
    ) -> list[Stored]:
        """The first messages with larger numbers, with all before them on these subjects.

        Args:
            at: The number of the last message of the last subject, which was read before.
        """
        if not self._direct:
            # Of several servers one that is behind may answer. What it shows in order is right,
            # and where that includes the message at ``at``, it knows all that came before.
            return await self.after(seq, subjects, most=most + 1)
        request = {"seq": seq + 1, "batch": most, "next_by_subj": subjects[0]}
        answers = await self.store.gather(
            f"DIRECT.GET.{self.name}", request, lambda answer: answer.status != 0, 0.0
        )
        found = [told(answer) for answer in answers if answer.status not in _DIRECT_END]
        messages = [one for one in found if one is not None]
        if len(messages) < most and at > max([seq, *(one.seq for one in messages)]):
            messages.append(Stored(subjects[-1], at, 0.0, {}, b""))
        return messages

    async def count(self, under: str) -> int:
        """How many messages there are under a wildcard."""
        return sum(((await self.info(under))["state"].get("subjects") or {}).values())

    async def all_after(self, seq: int, subject: str) -> AsyncIterator[Stored]:
        """The messages with larger numbers on a subject, without their data."""
        while page := await self.after(seq, [subject], bare=True):
            for one in page:
                yield one
            seq = page[-1].seq

    async def first_at(self, at: float, subject: str) -> int | None:
        """The number of the first message of that time or later; ``None`` where there is none.

        One that is a few microseconds older may be taken for it.

        Args:
            at: Seconds since 1970-01-01 UTC.
        """
        early = min(max(0.0, at - _ROUNDED_SECONDS), _LAST_SECOND)
        moment = datetime.fromtimestamp(early, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        config = {"deliver_policy": "by_start_time", "opt_start_time": moment}
        consumer, pending = await self._consumer(config, [subject], 0.0, bare=True)
        found = await self._pull(consumer, 1) if pending else []
        self._drop(consumer)
        return found[0].seq if found else None

    async def count_after(self, seq: int, subject: str) -> int:
        """How many messages with larger numbers the subject has."""
        config = {"deliver_policy": "by_start_sequence", "opt_start_seq": seq + 1}
        consumer, pending = await self._consumer(config, [subject], 0.0, bare=True)
        self._drop(consumer)
        return pending

    async def last_of(self, subjects: str, *, bare: bool = True) -> list[Stored]:
        """The last message of each subject under a wildcard; bare: without its data.

        A subject that has messages during the whole call is among them, whatever is written.
        """
        listed = await self._subjects(subjects)
        if not self._direct:
            # Of several servers one that is behind may be the reader; the leader never is.
            return await self.lasts(listed)
        if not listed:
            return []
        config = {"deliver_policy": "last_per_subject"}
        consumer, pending = await self._consumer(config, [subjects], 0.0, bare=bare)
        found: dict[str, Stored] = {}
        try:
            while pending:
                page = await self._pull(consumer, _PULL)
                found |= {one.subject: one for one in page}
                pending = page[-1].pending if page else 0
        finally:
            self._drop(consumer)
        # What was replaced while the server went through them may be missing.
        return [*found.values(), *await self.lasts(listed - found.keys())]

    async def lasts(self, subjects: Iterable[str]) -> list[Stored]:
        """The last message of each of these subjects that has one."""
        found = await together(self.last, subjects, at_once=_AT_ONCE)
        return [one for one in found if one is not None]

    async def purge(self, subject: str, *, before: int | None = None) -> int:
        """Remove the messages of a subject, those with smaller numbers only; how many."""
        request: dict[str, Any] = {"filter": subject}
        if before is not None:
            request["seq"] = before
        try:
            said = await self.store.api(f"STREAM.PURGE.{self.name}", request)
        except NativeError as error:
            raise translated(error) from error
        return int(said.get("purged", 0))

    def purge_soon(self, subject: str) -> None:
        """Remove the messages of a subject, without waiting for it or knowing that it is done."""
        body = json.dumps({"filter": subject}).encode()
        self.store.tell(f"STREAM.PURGE.{self.name}", body)

    def forget(self, seq: int) -> None:
        """Remove a message that nothing names any more, without waiting for it."""
        body = json.dumps({"seq": seq}).encode()
        self.store.tell(f"STREAM.MSG.DELETE.{self.name}", body)

    async def _subjects(self, under: str) -> set[str]:
        """The subjects under a wildcard that have messages."""
        found: set[str] = set()
        while True:
            said = await self.info(under, len(found))
            page = said["state"].get("subjects") or {}
            found |= page.keys()
            if len(page) < _NAMES:
                return found

    async def _now(self) -> float:
        return seconds_of((await self.info())["ts"])

    async def _asked(self, request: dict[str, Any]) -> Stored | None:
        try:
            said = (await self.store.api(f"STREAM.MSG.GET.{self.name}", request))["message"]
        except NativeError as error:
            if error.code == _NO_MESSAGE:
                return None
            raise translated(error) from error
        return got(said)

    async def _consumer(
        self, config: dict[str, Any], subjects: Sequence[str], wait: float, *, bare: bool
    ) -> tuple[str, int]:
        """A reader of its own at the server, and how many messages it has before it."""
        request = {
            "stream_name": self.name,
            "config": {
                **config,
                "ack_policy": "none",
                "filter_subjects": list(subjects),
                "headers_only": bare,
                "mem_storage": True,
                "num_replicas": 1,
                "inactive_threshold": int((wait + _IDLE_SECONDS) * _NANO),
            },
        }
        try:
            said = await self.store.api(f"CONSUMER.CREATE.{self.name}", request)
        except NativeError as error:
            raise translated(error) from error
        return said["name"], int(said.get("num_pending", 0))

    async def _pull(self, consumer: str, most: int, wait: float = 0.0) -> list[Stored]:
        request: dict[str, Any] = {"batch": most}
        if wait > 0:
            request["expires"] = max(1_000_000, int(wait * _NANO))
        else:
            request["no_wait"] = True
        left = [most]

        def done(answer: Answer) -> bool:
            left[0] -= 1
            return answer.status != 0 or not left[0]

        subject = f"CONSUMER.MSG.NEXT.{self.name}.{consumer}"
        answers = await self.store.gather(subject, request, done, wait)
        last = answers[-1].status
        if last not in (0, *_END):
            raise translated(NativeError(last, "a pull was refused"))
        return [delivered(answer) for answer in answers if answer.status == 0]

    def _drop(self, consumer: str) -> None:
        self.store.tell(f"CONSUMER.DELETE.{self.name}.{consumer}")


async def open_stream(store: Store, name: str, **config: Any) -> Stream:
    """The stream of that name, made where there is none; its subjects start with its name.

    Raises:
        ConfigurationError: There is one that is kept in another way.
    """
    replicas = store.config.replicas
    request = {
        "name": name,
        "subjects": [f"{name}.>"],
        "storage": "file",
        "num_replicas": replicas,
        "allow_direct": replicas == 1,
        "allow_msg_ttl": True,
        # So that numbers, which are versions and tokens, go on where a stream was lost.
        "first_seq": int(store.clock.wall() * 1e6),
        **config,
    }
    try:
        await store.api(f"STREAM.CREATE.{name}", request)
    except NativeError as error:
        if error.code != _EXISTS:
            raise translated(error) from error
        await _check(store, name, request)
    return Stream(store, name, replicas=replicas)


async def _check(store: Store, name: str, wanted: dict[str, Any]) -> None:
    try:
        found = (await store.api(f"STREAM.INFO.{name}"))["config"]
    except NativeError as error:
        raise translated(error) from error
    for field in wanted.keys() - {"first_seq"}:
        if found.get(field, False) != wanted[field]:
            raise ConfigurationError(
                f"the stream {name} has another {field} than this service asks for",
                hint="edit the stream, or give the service another namespace",
            )
