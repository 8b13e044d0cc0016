"""litequeue: no leases, no counted attempts, no delay before the next, no reasons.

The contract asks more than the library promises: what a dead consumer held must be looked for
with ``list_locked`` and given back by hand, and nothing tells how often a message was tried.
"""

import dataclasses
import inspect
import sys

from litequeue import LiteQueue, Message

fields = {field.name for field in dataclasses.fields(Message)}
counted = sorted(fields & {"attempt", "attempts", "tries", "deliveries"})
leased = sorted(set(dir(LiteQueue)) & {"extend", "lease", "renew", "touch"})
later = sorted(set(inspect.signature(LiteQueue.retry).parameters) & {"delay", "not_before"})
why = sorted(set(inspect.signature(LiteQueue.mark_failed).parameters) - {"self", "message_id"})
print("expected: a lease to prolong, an attempt's number, a delay when retrying, a reason")
print(f"happened: {leased or 'none'}, {counted or 'none'}, {later or 'none'}, {why or 'none'}")
sys.exit(1 if counted or leased or later or why else 0)
