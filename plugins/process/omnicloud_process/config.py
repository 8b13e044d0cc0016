"""Settings of the provider ``process``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ProcessConfig"]


class ProcessConfig(BaseModel):
    """Where containers are kept, and how much of what they say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(
        default=Path(".omnicloud/containers"),
        description=(
            "Folder of the containers, made where there is none; clients with the same folder "
            "and namespace share them."
        ),
    )
    log_bytes: int = Field(
        default=1 << 20, ge=4096, description="Bytes of one log file, then a new one is begun."
    )
    log_files: int = Field(
        default=16, ge=2, description="Log files kept for each container, the newest."
    )
    control_groups: bool = Field(
        default=True,
        description=(
            "Whether to set limits of processors, memory, reads and writes, by control groups "
            "version 1, where this machine permits it; tried at the opening."
        ),
    )
    namespace: str | None = Field(
        default=None,
        description="Where the service's containers are in the folder; its own name by default.",
    )
