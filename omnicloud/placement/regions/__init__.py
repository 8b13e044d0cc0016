"""In which regions replicas should run so that users are near, within rules and budgets."""

from __future__ import annotations

from omnicloud.placement.regions.choose import choose_regions
from omnicloud.placement.regions.models import (
    NoSuchChoiceError,
    Region,
    RegionChoice,
    RegionQuestion,
)

__all__ = ["NoSuchChoiceError", "Region", "RegionChoice", "RegionQuestion", "choose_regions"]
