"""Where usage and fleets come from: files, and the stats of running containers."""

from __future__ import annotations

from omnicloud.placement.sources.containers import observe
from omnicloud.placement.sources.files import COLUMNS, read_file
from omnicloud.placement.sources.fleet import read_fleet
from omnicloud.placement.sources.prometheus import Queries, read_prometheus
from omnicloud.placement.sources.recording import Recording

__all__ = [
    "COLUMNS",
    "Queries",
    "Recording",
    "observe",
    "read_file",
    "read_fleet",
    "read_prometheus",
]
