"""The constraints and objectives that come with the library."""

from __future__ import annotations

from collections.abc import Sequence

from omnicloud.placement.rules.constraints.affinity import Together
from omnicloud.placement.rules.constraints.anti_affinity import Apart
from omnicloud.placement.rules.constraints.gpus import GpuShares
from omnicloud.placement.rules.constraints.hardware import Hardware
from omnicloud.placement.rules.constraints.interruptions import Interruptions
from omnicloud.placement.rules.constraints.latency import Near
from omnicloud.placement.rules.constraints.numa import ZoneFit
from omnicloud.placement.rules.constraints.ports import Ports
from omnicloud.placement.rules.constraints.residency import Residency
from omnicloud.placement.rules.constraints.resources import FreeResources
from omnicloud.placement.rules.constraints.selectors import Selectors
from omnicloud.placement.rules.constraints.spread import Even
from omnicloud.placement.rules.constraints.taints import Taints
from omnicloud.placement.rules.hookspecs import hookimpl
from omnicloud.placement.rules.objectives.best_fit import BestFit
from omnicloud.placement.rules.objectives.closeness import Closeness
from omnicloud.placement.rules.objectives.cost import Cost
from omnicloud.placement.rules.objectives.fill import Density, LeastUsed
from omnicloud.placement.rules.objectives.gpu_fragmentation import GpuFragmentation
from omnicloud.placement.rules.objectives.gpu_packing import GpuPacking
from omnicloud.placement.rules.objectives.gpu_room import GpuRoom
from omnicloud.placement.rules.objectives.lifetime import Lifetime
from omnicloud.placement.rules.objectives.power import Carbon, Energy
from omnicloud.placement.rules.objectives.stay import Stay
from omnicloud.placement.rules.protocol import Objective, Rule

__all__ = ["placement_objectives", "placement_rules"]


@hookimpl
def placement_rules() -> Sequence[Rule]:
    """Where a workload may be at all, then what is free, then the neighbours."""
    return (
        Taints(),
        Selectors(),
        Hardware(),
        Residency(),
        Interruptions(),
        FreeResources(),
        ZoneFit(),
        Ports(),
        GpuShares(),
        Apart(),
        Together(),
        Even(),
        Near(),
    )


@hookimpl
def placement_objectives() -> Sequence[Objective]:
    """Density, spread, fit, cost, power, GPUs, lifetimes and nearness."""
    return (
        Density(),
        LeastUsed(),
        BestFit(),
        Cost(),
        Energy(),
        Carbon(),
        GpuFragmentation(),
        GpuPacking(),
        GpuRoom(),
        Lifetime(),
        Stay(),
        Closeness(),
    )
