"""persist-queue: an item's id is good for ever, so a late consumer takes from the next one.

``nack`` does not ask whether the item is lent, or to whom: called late by one consumer it
lends to a third what the second holds, and after ``ack`` it brings a finished item back. We
call it a fault, as a library that tells `unack` items from `acked` ones could refuse both.
"""

import sys
import tempfile

from persistqueue import Empty, SQLiteAckQueue


def lent(queue: SQLiteAckQueue) -> dict[str, object] | None:
    try:
        item: dict[str, object] = queue.get(block=False, raw=True)
    except Empty:
        return None
    return item


with tempfile.TemporaryDirectory() as folder:
    queue = SQLiteAckQueue(folder)
    queue.put("work")
    first = lent(queue)
    queue.nack(first)
    second = lent(queue)
    queue.nack(first)  # by the first consumer, late
    third = lent(queue)
    queue.ack(third)
    queue.nack(first)
    again = lent(queue)
    queue.close()
print("expected: the second consumer holds it alone, and what is done stays done")
print(f"happened: lent to a third: {third is not None}, and after its ack: {again is not None}")
sys.exit(0 if second and third and again else 1)
