"""Queues of SQS by their names: what is asked of them, and what their answers say."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from omnicloud.errors import InvalidArgumentError, NotFoundError, Outcome, UnavailableError
from omnicloud_aws.client import Client
from omnicloud_aws.envelope import Meta, opened, packed
from omnicloud_aws.errors import RefusedError, refusal

__all__ = [
    "BATCH",
    "LONGEST_DELAY",
    "LONGEST_WAIT",
    "MOST_BYTES",
    "Counts",
    "Found",
    "Queues",
    "portions",
]

BATCH = 10
"""So many messages go into one request at most."""
LONGEST_DELAY = 900
"""Seconds, of a message when it is sent."""
LONGEST_WAIT = 20
"""Seconds, of a request for messages."""
_LONGEST_LEASE = 43_200  # seconds: the service's quotas of messages, read 2026-11
MOST_BYTES = 262_144
"""Of a message in SNS, and of a batch here. SQS takes a mebibyte where nobody has set less."""

_MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_EXISTS = ("QueueAlreadyExists", "QueueNameExists")
_GONE = (
    *("ReceiptHandleIsInvalid", "InvalidParameterValue"),
    *("AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight"),
)
"""What a receipt is answered that is no longer good."""
_TOLD = ["ApproximateReceiveCount", "SentTimestamp", "ApproximateFirstReceiveTimestamp"]
_COUNTED = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]
_KEPT_SECONDS = 14 * 86_400  # the longest that the service offers
_PAGE = 1000
_NEW_SECONDS, _NEW_PAUSE = 5.0, 0.25  # until a queue is there that was just made


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages a queue has, as well as the service knows."""

    ready: int
    hidden: int
    delayed: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.ready + self.hidden + self.delayed


@dataclass(frozen=True, slots=True)
class Found:
    """A message that is ours for a while.

    Attributes:
        size: Bytes of its body.
        received: How often it has been received, this time included.
        sent_at: Seconds since 1970-01-01 UTC, as the service counts them.
        first_at: When it was received first, alike.
        came: The monotonic clock when the answer had come.
    """

    handle: str = field(repr=False)
    meta: Meta = field(repr=False)
    payload: bytes = field(repr=False)
    size: int
    received: int
    sent_at: float
    first_at: float
    came: float

    @property
    def attempt(self) -> int:
        """Which attempt this is."""
        return self.meta.attempts + self.received

    def left(self, now: float) -> float:
        """Seconds that it still has to wait, by the service's clock.

        Args:
            now: Seconds since 1970-01-01 UTC, less exact than the service's own stamps.
        """
        if self.meta.wait <= 0:
            return 0.0
        seen = self.first_at if self.received == 1 else now
        return self.meta.wait - (seen - self.sent_at)


class Queues:
    """The queues that one client of SQS sees."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._above: str | None = None

    async def make(self, name: str, **attributes: str) -> None:
        """Make sure that there is such a queue; one that is there stays as it is."""
        kept = {"MessageRetentionPeriod": str(_KEPT_SECONDS), **attributes}
        try:
            answer = await self.client.ask("create_queue", _EXISTS, QueueName=name, Attributes=kept)
        except RefusedError:  # with other attributes, which are its owner's
            return
        self._know(answer)

    async def exists(self, name: str) -> bool:
        """Whether the service knows it."""
        try:
            self._know(await self.client.ask("get_queue_url", _MISSING, QueueName=name))
        except RefusedError:
            return False
        return True

    async def named(self, prefix: str) -> list[str]:
        """The names of all queues that start so."""
        found: list[str] = []
        more: dict[str, Any] = {}
        while True:
            answer = await self.client.ask(
                "list_queues", QueueNamePrefix=prefix, MaxResults=_PAGE, **more
            )
            found += (url.rpartition("/")[2] for url in answer.get("QueueUrls") or ())
            if not answer.get("NextToken"):
                return found
            more = {"NextToken": answer["NextToken"]}

    async def send(self, name: str, body: str, delay: float = 0.0) -> None:
        """Add a message that nobody gets for some seconds, rounded up, at most 15 minutes.

        Raises:
            NotFoundError: There is no such queue.
        """
        asked: dict[str, Any] = {"DelaySeconds": _whole(delay)} if delay > 0 else {}
        await self._asked("send_message", name, MessageBody=body, **asked)

    async def into_new(self, sent: Callable[[], Awaitable[None]]) -> None:
        """Send into a queue that was just made, which takes the service a moment.

        Raises:
            UnavailableError: It is not there after some seconds; nothing was done.
        """
        clock = self.client.time.clock
        until = clock.monotonic() + _NEW_SECONDS
        while True:
            try:
                return await sent()
            except NotFoundError:
                if clock.monotonic() >= until:
                    raise UnavailableError(
                        "the queue that was just made is not there yet", outcome=Outcome.NOT_DONE
                    ) from None
            await clock.sleep(_NEW_PAUSE)

    async def send_again(self, name: str, one: Found, attempts: int, delay: float) -> None:
        """Send a message anew in place of the one that is ours, with so many attempts."""
        wait = delay if delay > LONGEST_DELAY else 0.0
        meta = msgspec.structs.replace(one.meta, attempts=attempts, wait=wait)
        await self.send(name, packed(meta, one.payload), min(delay, LONGEST_DELAY))
        await self.delete(name, one.handle)

    async def send_many(self, name: str, bodies: Sequence[str]) -> list[bool]:
        """Add messages; which of them the service has taken."""
        taken: list[bool] = []
        for some in portions(bodies):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(some)]
            said = await self._each("send_message_batch", name, entries)
            taken += (one is True for one in said)
        return taken

    async def receive(self, name: str, most: int, wait: int, lease: float) -> list[Found]:
        """At most ten messages that are then hidden for ``lease`` seconds, rounded up.

        Args:
            wait: Seconds to wait for the first one.

        Raises:
            NotFoundError: There is no such queue.
        """
        answer = await self._asked(
            "receive_message",
            name,
            waits=float(wait),
            MaxNumberOfMessages=min(most, BATCH),
            WaitTimeSeconds=wait,
            VisibilityTimeout=_hidden(lease),
            MessageSystemAttributeNames=_TOLD,
        )
        came = self.client.time.clock.monotonic()
        return [_found(one, came) for one in answer.get("Messages") or ()]

    async def delete(self, name: str, handle: str) -> bool:
        """Forget a message; whether the receipt was good."""
        try:
            await self._asked("delete_message", name, _GONE, ReceiptHandle=handle)
        except RefusedError:
            return False
        return True

    async def delete_many(self, name: str, handles: Sequence[str]) -> None:
        """Forget messages.

        Raises:
            UnavailableError: The service failed with one of them.
        """
        for some in _batches(handles):
            entries = [{"Id": str(n), "ReceiptHandle": one} for n, one in enumerate(some)]
            _without_faults(await self._each("delete_message_batch", name, entries))

    async def hide(self, name: str, handles: Sequence[str], seconds: float) -> list[bool]:
        """Let messages be hidden from now on for so long, rounded up; which receipts are good.

        Raises:
            UnavailableError: The service failed with one of them.
        """
        good: list[bool] = []
        for some in _batches(handles):
            entries = [
                {"Id": str(n), "ReceiptHandle": one, "VisibilityTimeout": _hidden(seconds)}
                for n, one in enumerate(some)
            ]
            said = await self._each("change_message_visibility_batch", name, entries)
            good += _without_faults(said)
        return good

    async def count(self, name: str) -> Counts | None:
        """How many messages it has; ``None`` where there is no such queue."""
        try:
            answer = await self._asked("get_queue_attributes", name, AttributeNames=_COUNTED)
        except NotFoundError:
            return None
        told = answer.get("Attributes") or {}
        return Counts(*(int(told.get(each, 0)) for each in _COUNTED))

    async def _url(self, name: str) -> str:
        """Where it is, whether or not it is there: beside any other queue of the account."""
        if self._above is None:
            try:
                self._know(await self.client.ask("get_queue_url", _MISSING, QueueName=name))
            except RefusedError as refused:
                raise refusal(refused) from None
        return f"{self._above}/{name}"

    def _know(self, answer: Mapping[str, Any]) -> None:
        self._above = str(answer["QueueUrl"]).rpartition("/")[0]

    async def _asked(
        self,
        verb: str,
        name: str,
        expecting: Sequence[str] = (),
        *,
        waits: float = 0.0,
        **more: Any,
    ) -> Mapping[str, Any]:
        url = await self._url(name)
        try:
            return await self.client.ask(
                verb, (*_MISSING, *expecting), waits=waits, QueueUrl=url, **more
            )
        except RefusedError as refused:
            if refused.code not in _MISSING:
                raise
            raise refusal(refused) from None

    async def _each(
        self, verb: str, name: str, entries: Sequence[Mapping[str, Any]]
    ) -> list[bool | None]:
        """Ask for a batch, of which each entry is for itself.

        Which were done, refused (``False``), or met a failure of the service (``None``).
        """
        answer = await self._asked(verb, name, Entries=entries)
        said: dict[str, bool | None] = {
            one["Id"]: False if one.get("SenderFault") else None
            for one in answer.get("Failed") or ()
        }
        said |= {one["Id"]: True for one in answer.get("Successful") or ()}
        return [said.get(one["Id"]) for one in entries]


def _without_faults(said: Sequence[bool | None]) -> list[bool]:
    if None in said:
        raise UnavailableError("the service did not do all of a batch")
    return [one is True for one in said]


def _found(one: Mapping[str, Any], came: float) -> Found:
    told: Mapping[str, str] = one.get("Attributes") or {}
    sent_at = int(told.get("SentTimestamp", 0)) / 1000
    meta, payload = opened(one["Body"], one["MessageId"], sent_at)
    return Found(
        handle=one["ReceiptHandle"],
        meta=meta,
        payload=payload,
        size=len(one["Body"]),
        received=int(told.get("ApproximateReceiveCount", 1)),
        sent_at=sent_at,
        first_at=int(told.get("ApproximateFirstReceiveTimestamp", 0)) / 1000,
        came=came,
    )


def _whole(seconds: float) -> int:
    """Whole seconds; a float's last digit makes no second more."""
    return math.ceil(round(seconds, 6))


def _hidden(seconds: float) -> int:
    """For how long a message can be hidden.

    Raises:
        InvalidArgumentError: For longer than the service can; nothing was sent.
    """
    if seconds > _LONGEST_LEASE:
        raise InvalidArgumentError(
            f"a lease of {seconds:g} s is over the {_LONGEST_LEASE} s for which SQS lends",
            hint="lend for less, and prolong it while the work goes on",
        )
    return _whole(seconds)


def _batches(all_: Sequence[str]) -> Iterator[Sequence[str]]:
    return (all_[first : first + BATCH] for first in range(0, len(all_), BATCH))


def portions(bodies: Sequence[str]) -> Iterator[Sequence[str]]:
    """Batches that are not too long either."""
    some: list[str] = []
    for body in bodies:
        if some and (len(some) == BATCH or sum(map(len, some)) + len(body) > MOST_BYTES):
            yield some
            some = []
        some.append(body)
    if some:
        yield some
