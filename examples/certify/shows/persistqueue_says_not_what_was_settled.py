"""persist-queue: ``ack``, ``nack`` and ``ack_failed`` do not say whether there was such an item.

The contract asks more than the library promises. They answer the id that they were given, so
one who settles what another settled before, or what never was in this queue, is told what one
is told who settles what is held.
"""

import sys
import tempfile

from persistqueue import SQLiteAckQueue

with tempfile.TemporaryDirectory() as folder:
    queue = SQLiteAckQueue(folder)
    queue.put("work")
    held = queue.get(raw=True)["pqid"]
    answers = [(held, queue.nack(id=held)), (held, queue.nack(id=held))]
    answers += [(77, settle(id=77)) for settle in (queue.ack, queue.nack, queue.ack_failed)]
    queue.close()
print("expected: another answer to one who settles nothing, as item 77 never was")
print(f"happened: asked and answered {answers}")
sys.exit(0 if all(asked == answered for asked, answered in answers) else 1)
