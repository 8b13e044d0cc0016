"""Settings of the shelf."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ShelfConfig"]


class ShelfConfig(BaseModel):
    """Where the shelf stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="Folder of the files, made where there is none.")
