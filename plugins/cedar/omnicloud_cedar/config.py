"""Settings of the provider ``cedar``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CedarConfig"]


class CedarConfig(BaseModel):
    """Which file holds the policies, and whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(
        description=(
            "File of Cedar policies, relative to the working folder. It is read for every "
            "decision, so a change counts at once, also one by another process."
        )
    )
    manage: bool = Field(
        default=True,
        description=(
            "true: the file belongs to this provider, which writes the rules that are put. "
            "false: people write it in Cedar's own language, and it is only read."
        ),
    )
