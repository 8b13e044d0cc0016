"""persist-queue: no leases, no counted attempts, no delay before the next, no reasons.

The contract asks more than the library promises: what a dead consumer held comes back when
the queue is opened the next time, and nothing tells how often an item was tried.
"""

import inspect
import sys
import tempfile

from persistqueue import SQLiteAckQueue

with tempfile.TemporaryDirectory() as folder:
    queue = SQLiteAckQueue(folder)
    queue.put("work")
    item = queue.get(raw=True)
    queue.nack(item)
    again = queue.get(raw=True)
    queue.close()
counted = sorted(set(again) & {"attempt", "attempts", "tries", "deliveries"})
leased = sorted(set(dir(queue)) & {"extend", "lease", "renew", "touch"})
later = sorted(set(inspect.signature(queue.nack).parameters) & {"delay", "not_before"})
why = sorted(set(inspect.signature(queue.ack_failed).parameters) - {"item", "id"})
print("expected: a lease to prolong, an attempt's number, a delay when given back, a reason")
told = [found or "none" for found in (leased, counted, later, why)]
print(f"happened: {told}; an item has {sorted(again)}")
sys.exit(1 if counted or leased or later or why else 0)
