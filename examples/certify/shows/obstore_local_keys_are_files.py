"""obstore's local store: a key that is another's folder, or long, cannot be written.

The contract asks more than the library promises: it stores objects as files and says so.
"""

import sys
import tempfile

import obstore
from obstore.store import LocalStore

refused = []
with tempfile.TemporaryDirectory() as folder:
    store = LocalStore(folder)
    for key in ("a", "a/b", "k" * 300):
        try:
            obstore.put(store, key, b"content")
        except (OSError, obstore.exceptions.BaseError) as error:
            refused.append(f"{key[:5]!r} ({type(error).__name__})")
print("expected: 'a', 'a/b' and a key of 300 letters live side by side")
print(f"happened: {', '.join(refused) or 'nothing'} refused")
sys.exit(0 if len(refused) == 2 else 1)
