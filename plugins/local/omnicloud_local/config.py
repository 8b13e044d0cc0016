"""Settings of the embedded default."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

__all__ = ["LocalConfig"]


class LocalConfig(BaseModel):
    """Where the embedded default keeps its files, and how hard it writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(
        default=Path(".omnicloud"),
        description=(
            "Folder of the files, made where there is none; relative to the working folder. "
            "Services with the same folder share a store and can share a transaction."
        ),
    )
    durability: Literal["power", "process"] = Field(
        default="power",
        description=(
            "What an acknowledged write survives: 'power' (kill -9 and loss of power: "
            "synchronous=FULL) or 'process' (kill -9: synchronous=NORMAL, faster)."
        ),
    )
    secrets_key: SecretStr | None = Field(
        default=None,
        description=(
            "Master key of the secret store, base64 of 32 bytes; by default one is made and "
            "kept in secrets.key beside the database, readable by its owner alone."
        ),
    )
    namespace: str | None = Field(
        default=None,
        description="Where the service's names live in the store; its own name by default.",
    )

    def namespace_of(self, service: str) -> str:
        """The namespace of a service of that name."""
        return service if self.namespace is None else self.namespace
