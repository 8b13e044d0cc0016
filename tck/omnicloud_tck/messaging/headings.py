"""Headers that some protocol gives a meaning, and values that some parser reads."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["ELSEWHERE", "headings"]

ELSEWHERE = "elsewhere"
"""A topic to which no message is published: what comes there was sent by a header."""

_FAMILIES: dict[str, str] = {
    "mail": "To Cc BCC CC Bcc From Sender Reply-To Subject Date Received Return-Path Message-ID "
    "In-Reply-To References Resent-To MIME-Version Content-Transfer-Encoding Delivered-To",
    "http": "Host Connection Content-Length Content-Type Content-Encoding Transfer-Encoding TE "
    "Trailer Upgrade Expect Authorization Cookie Set-Cookie Location Retry-After Cache-Control "
    "Expires Forwarded X-Forwarded-For X-Forwarded-Host X-HTTP-Method-Override Idempotency-Key "
    "If-None-Match If-Match Range Prefer :authority :path Link Callback",
    "amqp": "delivery-mode delivery_mode delivery-tag correlation-id correlation_id user-id app-id "
    "cluster-id reply_to reply-to message-id message_id expiration priority timestamp type "
    "routing-key routing_key exchange mandatory immediate redelivered durable x-match "
    "group-id group-sequence subject ttl first-acquirer delivery-count",
    "rabbitmq": "x-death x-first-death-queue x-first-death-reason x-first-death-exchange "
    "x-last-death-queue x-delay x-message-ttl x-expires x-priority x-max-priority x-delivery-count "
    "x-acquired-count x-dead-letter-exchange x-dead-letter-routing-key x-stream-offset "
    "x-stream-filter-value x-deduplication-header x-received-from alternate-exchange x-retry-count",
    "nats": "Nats-Msg-Id Nats-Rollup Nats-TTL Nats-Schedule Nats-Schedule-Target Nats-Schedule-TTL "
    "Nats-Schedule-Source Nats-Expected-Stream Nats-Expected-Last-Sequence Nats-Marker-Reason "
    "Nats-Expected-Last-Subject-Sequence Nats-Expected-Last-Msg-Id Nats-Stream-Source Nats-Subject "
    "Nats-Stream Nats-Sequence Nats-Batch-Id Nats-Batch-Sequence Nats-Batch-Commit Nats-Incr "
    "Nats-Request-Info KV-Operation Status Description",
    "amazon": "MessageGroupId MessageDeduplicationId DelaySeconds ApproximateReceiveCount SenderId "
    "SentTimestamp AWSTraceHeader X-Amzn-Trace-Id TopicArn TargetArn DeadLetterQueueSourceArn "
    "VisibilityTimeout AWS.SNS.MOBILE.MPNS.Type x-amz-sns-topic-arn",
    "clouds": "ScheduledEnqueueTimeUtc SessionId ReplyToSessionId PartitionKey ViaPartitionKey "
    "TimeToLive ForwardTo DeadLetterSource DeadLetterReason DeadLetterErrorDescription Label "
    "LockToken googclient_deliveryattempt orderingKey CloudPubSubDeadLetterSourceTopic",
    "brokers": "destination selector ack receipt transaction persistent JMSReplyTo JMSExpiration "
    "JMSDestination JMSPriority JMSDeliveryMode JMSXGroupID JMSXDeliveryCount _AMQ_SCHED_DELIVERY "
    "_AMQ_DUPL_ID _AMQ_ORIG_ADDRESS AMQ_SCHEDULED_DELAY MQTT-Topic retain partition offset "
    "DELAY RECONSUME_TIMES REAL_TOPIC KEYS TAGS deliverAt replicateTo",
    "libraries": "ttlInSeconds rawPayload x-original-topic kafka_dlt-original-topic eta expires "
    "retries max_retries task countdown chain callbacks retry_count attempt attempts queue topic "
    "forward-to route_to spring.cloud.stream.sendto.destination __TypeId__ ce-id ce-source ce-type "
    "ce-specversion __class__ rbs2-return-address rbs2-deferred-until NServiceBus.ReplyToAddress",
    "traces": "traceparent tracestate baggage b3 X-B3-TraceId uber-trace-id sentry-trace",
}
_VALUES = (
    *(ELSEWHERE, f"{ELSEWHERE}, {ELSEWHERE}", f'["{ELSEWHERE}"]', f"<{ELSEWHERE}>"),
    *("0", "1", "-1", "5000", "true", "gzip", "base64", "chunked", "all", "sub", "", "100"),
    *("@at 2020-01-01T00:00:00Z", "Mon, 01 Jan 2001 00:00:00 GMT", "{}", "null"),
)
"""What a name's meaning could take: a place, a count, a yes, an encoding, a moment."""
_ODD = {
    "line": f"a\r\nBCC: {ELSEWHERE}",
    "feed": "a\nb: c\n\nd",
    "folded": "a\r\n b",
    "spaces": "  a \t",
    "zero": "a\0b",
    "quoted": '"a"',
    "escaped": "%41 \\u0041 \\n &amp; a+b",
    "encoded": "=?utf-8?b?YQ==?=",
    "number": "1e3",
    "long": "0" * 40,
    "listed": "a, b; c=d",
    "truth": "False",
    "nothing": "None",
    "byte": "b'a'",
    "bom": "\ufeffa\u2028b",
}
"""Values that a parser, a decoder or a line of text would make others of."""


def headings(longest: int) -> Iterator[dict[str, str]]:
    """Headers by families, each with every value; of no more bytes than that."""
    yield _ODD
    for names in _FAMILIES.values():
        for value in _VALUES:
            yield _cut(dict.fromkeys(names.split(), value), longest)
        for spelt in (names.lower(), names.upper()):
            yield _cut(dict.fromkeys(spelt.split(), ELSEWHERE), longest)


def _cut(headers: dict[str, str], longest: int) -> dict[str, str]:
    kept, size = dict[str, str](), 0
    for name, value in headers.items():
        size += len(name) + len(value)
        if size <= longest:
            kept[name] = value
    return kept
