"""From the summed profile of a node to one number: the load to expect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from omnicloud.placement.forecast.usage import Floats

__all__ = ["Peak", "Quantile", "Reduction", "Sigma"]


class Reduction(Protocol):
    """Takes profiles of shape ``(..., slots)`` to loads of shape ``(...)``."""

    def __call__(self, profiles: Floats) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Peak:
    """The greatest value."""

    def __call__(self, profiles: Floats) -> Floats:
        greatest: Floats = profiles.max(axis=-1)
        return greatest


@dataclass(frozen=True, slots=True)
class Quantile:
    """The least value that this share (0..1) of the slots do not exceed."""

    share: float

    def __call__(self, profiles: Floats) -> Floats:
        slots = profiles.shape[-1]
        rank = min(max(math.ceil(self.share * slots), 1), slots) - 1
        ranked: Floats = np.partition(profiles, rank, axis=-1)[..., rank]
        return ranked


@dataclass(frozen=True, slots=True)
class Sigma:
    """The mean and that many standard deviations.

    Of the summed profile, which holds the covariances: N-sigma of Bashir et al., "Take it to
    the limit", EuroSys 2021.
    """

    deviations: float

    def __call__(self, profiles: Floats) -> Floats:
        mean = profiles.mean(axis=-1, dtype=np.float64)
        spread = profiles.std(axis=-1, dtype=np.float64)
        return np.asarray(mean + self.deviations * spread, dtype=np.float32)
