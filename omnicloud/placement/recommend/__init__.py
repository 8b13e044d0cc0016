"""What each workload should ask for, and why, in plain words."""

from __future__ import annotations

from omnicloud.placement.recommend.advise import Advice, Policy, advise

__all__ = ["Advice", "Policy", "advise"]
