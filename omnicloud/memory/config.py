"""Settings of the memory provider."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MemoryConfig"]


class MemoryConfig(BaseModel):
    """Settings of a service in memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store: str = Field(
        default="default",
        description="Services that name the same store can share a transaction.",
    )
    namespace: str | None = Field(
        default=None,
        description="Where the service's names live in the store; its own name by default.",
    )
