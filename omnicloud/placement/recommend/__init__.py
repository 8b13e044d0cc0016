"""What each workload should ask for, and why, in plain words."""

from __future__ import annotations

from omnicloud.placement.recommend.advise import Advice, Policy, advise
from omnicloud.placement.recommend.apply import Applied, apply, undo
from omnicloud.placement.recommend.follow import Followed, follow
from omnicloud.placement.recommend.journal import Change, LimitJournal
from omnicloud.placement.recommend.limits import Limited, told
from omnicloud.placement.recommend.planned import planned_limits
from omnicloud.placement.recommend.steer import Steerer, Steering

__all__ = [
    "Advice",
    "Applied",
    "Change",
    "Followed",
    "LimitJournal",
    "Limited",
    "Policy",
    "Steerer",
    "Steering",
    "advise",
    "apply",
    "follow",
    "planned_limits",
    "told",
    "undo",
]
