"""Settings of the provider ``sops``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

__all__ = ["Format", "SopsConfig"]

Format = Literal["json", "yaml"]
_SUFFIXES: dict[str, Format] = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}


class SopsConfig(BaseModel):
    """Which file holds the secrets, and who opens it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: Path = Field(
        description=(
            "SOPS file, .json, .yaml or .yml, relative to the working folder. It is read for "
            "every call, so a change counts at once. Only JSON is written."
        )
    )
    identity: SecretStr | None = Field(
        default=None,
        description="age identity, AGE-SECRET-KEY-1...; a reference like secret:age-key.",
    )
    identity_file: Path | None = Field(
        default=None,
        description=(
            "File of age identities that only its owner may read. Without it and without "
            "identity: the file that SOPS_AGE_KEY_FILE names, or sops/age/keys.txt in the "
            "user's configuration folder."
        ),
    )
    read_only: bool = Field(
        default=False, description="true: set and delete are refused, whatever the file is."
    )
    create: bool = Field(
        default=False,
        description="true: make an empty file where there is none; JSON only.",
    )
    recipients: tuple[str, ...] = Field(
        default=(),
        description=(
            "age recipients of a file that is made, age1...; by default those of the "
            "identities. A file that is there keeps its own."
        ),
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.path.suffix.lower() not in _SUFFIXES:
            raise ValueError(f"path must end in one of {', '.join(_SUFFIXES)}")
        if self.identity is not None and self.identity_file is not None:
            raise ValueError("identity and identity_file exclude each other")
        if self.create and (self.read_only or self.format != "json"):
            raise ValueError("create needs a .json path that is not read_only")
        return self

    @property
    def format(self) -> Format:
        """What the file's name says it is."""
        return _SUFFIXES[self.path.suffix.lower()]

    @property
    def writable(self) -> bool:
        """Whether secrets can be set and deleted."""
        return self.format == "json" and not self.read_only
