"""The kit's own kill rate, as it was last measured over the broken drivers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from omnicloud_tck.certificates.model import KillRate
from omnicloud_tck.law import Rung

__all__ = ["FILE", "KillRates", "kill_rates"]

FILE = "kill_rates.json"
"""In this distribution's package; written by ``tck/tests/kill_report.py --write``."""


class KillRates(BaseModel):
    """By contract and rung; ``kit`` is the version that was measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kit: str
    contracts: Mapping[str, Mapping[Rung, KillRate]]


@cache
def _measured() -> KillRates | None:
    file = files("omnicloud_tck") / FILE
    return KillRates.model_validate_json(file.read_bytes()) if file.is_file() else None


def kill_rates(contract: str) -> Mapping[Rung, KillRate] | None:
    """The measured rates of a contract's laws; ``None`` where they were not measured."""
    measured = _measured()
    return measured.contracts.get(contract) if measured else None
