"""litequeue: a receipt is good for ever, so a late consumer takes from the next one.

A message's id is all that ``retry`` and ``done`` ask for. One consumer is slow, its message is
given back and lent to another; then the first calls ``retry``, and a third is lent what the
second holds. ``retry`` after ``done`` even brings a finished message back. A fault: it is said
to "mark a locked message as free", and does not ask whether it is locked, or by whom.
"""

import sys

from litequeue import LiteQueue

queue = LiteQueue(memory=True)
queue.put("work")
first = queue.pop()
queue.retry(first.message_id)
second = queue.pop()
queue.retry(first.message_id)  # by the first consumer, late
third = queue.pop()
print("expected: the second consumer holds it alone")
print(f"happened: lent to the second: {second is not None}, to a third: {third is not None}")
queue.done(third.message_id)
queue.retry(first.message_id)
again = queue.pop()
print(f"expected: what is done stays done; happened: lent again: {again is not None}")
sys.exit(0 if third is not None and again is not None else 1)
