"""pycasbin: a pattern with several stars makes a decision slow.

``regexMatch`` is Python's ``re``, which tries again and again. The contract asks more than the
library promises; whoever writes policies must be trusted with the time of the process.
"""

import re
import sys
import time

from casbin.util import regex_match

pattern = ".*".join(map(re.escape, "aaaaa")) + r"b\Z"
seconds = []
for length in (30, 60, 120):
    started = time.perf_counter()
    regex_match("a" * length, pattern)
    seconds.append(time.perf_counter() - started)
print("expected: about twice the time for twice the length")
print("happened:", ", ".join(f"{one * 1e3:.1f} ms" for one in seconds))
sys.exit(0 if seconds[-1] > 4 * seconds[-2] else 1)
