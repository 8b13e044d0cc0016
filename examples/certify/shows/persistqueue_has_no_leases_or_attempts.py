"""persist-queue: no leases, no counted attempts, no delay before the next one.

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
print("expected: a lease to prolong, an attempt's number, a delay when given back")
print(f"happened: {leased or 'none'}, {counted or 'none'}, {later or 'none'}; {sorted(again)}")
sys.exit(1 if counted or leased or later else 0)
