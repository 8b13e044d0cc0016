"""What each workload should ask for, and why, in plain words."""

from __future__ import annotations

from omnicloud.placement.recommend.advise import Advice, Policy, advise
from omnicloud.placement.recommend.apply import Applied, apply

__all__ = ["Advice", "Applied", "Policy", "advise", "apply"]
