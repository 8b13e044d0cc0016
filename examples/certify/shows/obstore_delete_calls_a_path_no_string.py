"""obstore: ``delete`` says of a path that is refused that it is no string.

A fault: ``put`` of the same path says what is wrong with it. ``delete`` takes one path or a
list of them, and what cannot be read as a path is told as being neither.
"""

import sys
from collections.abc import Callable

import obstore
from obstore.store import MemoryStore

store = MemoryStore()
said: list[BaseException] = []
asks: list[Callable[[], object]] = [
    lambda: obstore.put(store, "a//b", b""),
    lambda: obstore.delete(store, "a//b"),
]
for ask in asks:
    try:
        ask()
    except Exception as error:  # noqa: BLE001 - which it is, is shown
        said.append(error)
put, delete = (*said, None, None)[:2]
print(f"expected: one error for both; put: {str(put)!r}")
print(f"happened: delete: {type(delete).__name__}: {str(delete)!r}")
sys.exit(0 if isinstance(delete, TypeError) and not isinstance(put, TypeError) else 1)
