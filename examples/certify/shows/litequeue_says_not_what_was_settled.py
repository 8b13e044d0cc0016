"""litequeue: ``done``, ``retry`` and ``mark_failed`` do not say whether there was such a message.

The contract asks more than the library promises. They answer the row that was inserted last
over this connection, so one who settles what another settled before, or what never was in
this queue, is told what one is told who settles what is held.
"""

import sys

from litequeue import LiteQueue

queue = LiteQueue(memory=True)
queue.put("work")
held = queue.pop()
answers = {
    "what is held": queue.retry(held.message_id),
    "what was given back": queue.retry(held.message_id),
    "what never was": queue.retry("no such message"),
    "done, what never was": queue.done("no such message"),
    "failed, what never was": queue.mark_failed("no such message"),
}
print("expected: other answers to one who settles nothing")
print(f"happened: {answers}")
sys.exit(0 if len(set(answers.values())) == 1 else 1)
