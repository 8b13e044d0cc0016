"""What a certificate says, as the one shape that is written, read and shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from omnicloud_tck.law import Level, Rung
from omnicloud_tck.runner import Verdict

__all__ = [
    "MAX_REASON",
    "BackendEntry",
    "CertificateFile",
    "ContractEntry",
    "EnvironmentEntry",
    "KillRate",
    "LawEntry",
    "ProviderEntry",
    "Signature",
    "VersionsEntry",
]

MAX_REASON = 1500
"""Characters of a reason at most."""

Text = Annotated[str, Field(max_length=200)]
Names = Annotated[tuple[Text, ...], Field(max_length=200)]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProviderEntry(_Entry):
    """Who was tried: its name in configuration, and the distribution it came in."""

    name: Text
    distribution: Text
    version: Text


class VersionsEntry(_Entry):
    """With what it was tried; ``clients`` are the distributions the provider stands on."""

    kit: Text
    omnicloud: Text
    python: Text
    clients: Annotated[Mapping[Text, Text], Field(max_length=100)]


class EnvironmentEntry(_Entry):
    """On what kind of machine; neither its name nor a path."""

    platform: Text
    cpu_count: Count


class BackendEntry(_Entry):
    """The service behind the driver; ``emulator`` names what stood in for it."""

    name: Text
    version: Text
    emulator: Text


class KillRate(_Entry):
    """Of the broken drivers of the tiers up to a rung, how many its laws find."""

    killed: Count
    drivers: Count


class LawEntry(_Entry):
    """A law and how it came out."""

    id: Text
    title: Annotated[str, Field(max_length=MAX_REASON)]
    level: Level
    rung: Rung
    needs: Names
    abilities: Names
    result: Verdict
    reason: Annotated[str, Field(max_length=MAX_REASON)]
    missing: Names
    seconds: Seconds
    seed: int


class ContractEntry(_Entry):
    """How one contract came out.

    Attributes:
        rung: The highest rung reached; ``None`` where there is none.
        capped_by: What the world could not offer, for want of which the next rung is not reached.
        kill_rates: Of the kit itself, by rung; ``None`` where that was not measured.
    """

    certified: bool
    rung: Rung | None
    capped_by: Names
    features: Names
    limits: Annotated[Mapping[Text, int | float | None], Field(max_length=100)]
    backend: BackendEntry | None
    kill_rates: Mapping[Rung, KillRate] | None
    seconds: Seconds
    laws: Annotated[tuple[LawEntry, ...], Field(max_length=1000)]


class Signature(_Entry):
    """Ed25519 over the canonical form of all the rest; key and value in URL-safe base64."""

    algorithm: Literal["Ed25519"]
    key: Text
    value: Text


class CertificateFile(_Entry):
    """A certificate; certified, and on a rung, as far as its weakest contract.

    ``schema_version`` grows when a reader of the version before would misunderstand.
    """

    schema_version: Literal[1]
    provider: ProviderEntry
    versions: VersionsEntry
    environment: EnvironmentEntry
    started: datetime
    finished: datetime
    seeds: tuple[int, ...]
    examples: Count
    faults: Names
    certified: bool
    rung: Rung | None
    contracts: Annotated[Mapping[Text, ContractEntry], Field(min_length=1, max_length=100)]
    signature: Signature | None = None
