"""Topics of SNS and the queues behind them: how they are made, and how a message gets in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omnicloud.errors import UnavailableError
from omnicloud_aws.client import Client
from omnicloud_aws.errors import RefusedError, refusal
from omnicloud_aws.places import Places
from omnicloud_aws.queues import Queues

__all__ = ["Topics"]

_MISSING = ("NotFound", "NotFoundException", "TopicNotFound")


class Topics:
    """The topics of a service."""

    def __init__(self, client: Client, queues: Queues, places: Places) -> None:
        self._client = client
        self._queues = queues
        self._places = places
        self._arns: dict[str, str] = {}
        self._groups: set[str] = set()

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
        """Make sure that the group gets what is published from now on."""
        name = self._places.group(topic, group)
        if name in self._groups and await self._queues.exists(name):
            return
        self._groups.discard(name)
        arn = await self._arn(topic, anew=True)
        queue = _queue_of(arn, name)
        await self._queues.make(self._places.dead(name))
        await self._queues.make(name, Policy=_policy(queue, arn))
        await self._subscribe(arn, queue)
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
            raise UnavailableError(
                "someone deleted the topic",
                hint="publish again, which makes it anew",
                outcome=refusal(refused).outcome,
            ) from None

    async def _arn(self, topic: str, *, anew: bool = False) -> str:
        """The topic's resource name; it is made where it is not there."""
        if anew or topic not in self._arns:
            answer = await self._client.ask("create_topic", Name=self._places.topic(topic))
            self._arns[topic] = answer["TopicArn"]
        return self._arns[topic]

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
