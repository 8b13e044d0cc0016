"""Topics of SNS and the queues behind them: how they are made, and how a message gets in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omnicloud.errors import NotFoundError, Outcome, UnavailableError
from omnicloud_aws.client import Client
from omnicloud_aws.envelope import Meta, packed
from omnicloud_aws.errors import RefusedError, refusal
from omnicloud_aws.places import Places
from omnicloud_aws.queues import Queues

__all__ = ["Topics"]

_MISSING = ("NotFound", "NotFoundException", "TopicNotFound")
_DELIVERED_SECONDS = 10.0  # within which a new queue has to get what is published
_LOOK_SECONDS = 1  # for what was published just now
_LOOK_LEASE = 5.0  # of what is looked at
_PAUSE_SECONDS = 0.5  # where the queue is not there yet
_NOTE = packed(Meta("", "joined", {}, 0.0), b"")
"""Shows a new group that it gets what is published; the others pass over it: it has no id."""


class Topics:
    """The topics of a service."""

    def __init__(self, client: Client, queues: Queues, places: Places) -> None:
        self._client = client
        self._queues = queues
        self._places = places
        self._arns: dict[str, str] = {}
        self._groups: set[str] = set()
        self._unsure: dict[str, bool] = {}
        self._lost: set[str] = set()

    async def publish(self, topic: str, body: str) -> None:
        """Give a message to every group that there is.

        Raises:
            UnavailableError: Someone deleted the topic.
        """
        await self._asked("publish", topic, Message=body)

    async def publish_many(self, topic: str, bodies: Sequence[str]) -> list[bool]:
        """The same for as many as one request takes; which of them the service has taken."""
        entries = [{"Id": str(number), "Message": body} for number, body in enumerate(bodies)]
        answer = await self._asked("publish_batch", topic, PublishBatchRequestEntries=entries)
        taken = {one["Id"] for one in answer.get("Successful") or ()}
        return [one["Id"] in taken for one in entries]

    async def join(self, topic: str, group: str) -> None:
        """Make sure that the group gets what is published from now on.

        Its queue of dead letters is made last, so that others know by it that the group's own
        queue has got something that was published.

        Raises:
            UnavailableError: The group's new queue has got nothing for some seconds.
        """
        name = self._places.group(topic, group)
        if name in self._groups and await self._queues.exists(name):
            return
        self._groups.discard(name)
        dead = self._places.dead(name)
        is_known = await self._queues.exists(dead)
        if not is_known or not await self._queues.exists(name):
            self._unsure.setdefault(name, is_known)
        arn = await self._arn(topic, anew=True)
        queue = _queue_of(arn, name)
        await self._queues.make(name, Policy=_policy(queue, arn))
        await self._subscribe(arn, queue)
        if name in self._unsure:
            await self._delivered(topic, name, None if self._unsure[name] else dead)
            await self._queues.make(dead)
            self._unsure.pop(name, None)
        self._groups.add(name)

    def forget(self, topic: str, group: str) -> None:
        """Look anew whether the group is there, the next time."""
        self._groups.discard(self._places.group(topic, group))

    async def _asked(self, verb: str, topic: str, **more: Any) -> Mapping[str, Any]:
        arn = await self._arn(topic)
        try:
            return await self._client.ask(verb, _MISSING, TopicArn=arn, **more)
        except RefusedError as refused:
            self._arns.pop(topic, None)
            self._lost.add(topic)
            raise UnavailableError(
                "someone deleted the topic",
                hint="publish again, which makes it anew",
                outcome=refusal(refused).outcome,
            ) from None

    async def _arn(self, topic: str, *, anew: bool = False) -> str:
        """The topic's resource name; it is made where it is not there."""
        if anew or topic not in self._arns:
            answer = await self._client.ask("create_topic", Name=self._places.topic(topic))
            if topic in self._lost:
                await self._restore(topic, answer["TopicArn"])
            self._arns[topic] = answer["TopicArn"]
        return self._arns[topic]

    async def _restore(self, topic: str, arn: str) -> None:
        """Let the groups of a topic that was deleted get what is published again."""
        for name in await self._queues.named(self._places.topic(topic)):
            if self._places.is_group(name):
                await self._subscribe(arn, _queue_of(arn, name))
        self._lost.discard(topic)

    async def _delivered(self, topic: str, name: str, mark: str | None) -> None:
        """Wait until a new queue gets what is published.

        The service loses what it publishes to a queue that it does not see yet, so notes are
        published until one has come, or until there is the queue ``mark``: then another client
        has seen one.
        """
        clock = self._queues.client.time.clock
        until = clock.monotonic() + _DELIVERED_SECONDS
        while True:
            await self.publish(topic, _NOTE)
            if await self._has_got(name) or (mark and await self._queues.exists(mark)):
                return
            if clock.monotonic() >= until:
                raise UnavailableError(
                    "the group's new queue does not get what is published yet",
                    hint="subscribe again; where queues have a KMS key of yours, see that its "
                    "policy lets sns.amazonaws.com in",
                    outcome=Outcome.NOT_DONE,
                )

    async def _has_got(self, name: str) -> bool:
        """Whether a note or a message has come; a message goes back as it was."""
        try:
            found = await self._queues.receive(name, 1, _LOOK_SECONDS, _LOOK_LEASE)
        except NotFoundError:
            await self._queues.client.time.clock.sleep(_PAUSE_SECONDS)
            return False
        for one in found:
            if one.meta.id:
                left = max(0.0, one.left(self._queues.client.time.now()))
                await self._queues.send_again(name, one, one.attempt - 1, left)
            else:
                await self._queues.delete(name, one.handle)
        return bool(found)

    async def _subscribe(self, arn: str, queue: str) -> None:
        """Let the queue get what is published; a subscription that is there stays as it is."""
        try:
            await self._client.ask(
                "subscribe",
                _MISSING,
                TopicArn=arn,
                Protocol="sqs",
                Endpoint=queue,
                Attributes={"RawMessageDelivery": "true"},
                ReturnSubscriptionArn=True,
            )
        except RefusedError as refused:
            raise refusal(refused) from None


def _queue_of(arn: str, name: str) -> str:
    """The resource name of a queue in the topic's account and region."""
    start, partition, _, region, account, _ = arn.split(":", 5)
    return f"{start}:{partition}:sqs:{region}:{account}:{name}"


def _policy(queue: str, arn: str) -> str:
    """That the topic may send to the queue: there from the first, since a change takes a minute."""
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
