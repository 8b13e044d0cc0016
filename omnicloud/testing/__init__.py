"""For tests of applications: time that a test commands, records of calls, and bad services."""

from omnicloud.testing.chaos import Chaos
from omnicloud.testing.clock import FakeClock
from omnicloud.testing.recorder import Recorded, Recorder
from omnicloud.testing.virtual import LoopClock, VirtualTimeLoop, run_virtual

__all__ = [
    "Chaos",
    "FakeClock",
    "LoopClock",
    "Recorded",
    "Recorder",
    "VirtualTimeLoop",
    "run_virtual",
]
