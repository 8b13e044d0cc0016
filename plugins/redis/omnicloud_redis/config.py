"""Settings of the provider ``redis``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from omnicloud.core.names import escape

__all__ = ["RedisConfig"]

_SCHEMES = ("redis", "rediss", "unix")


class RedisConfig(BaseModel):
    """Which server, as whom, how it is reached, and what it may be trusted to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(
        default="redis://127.0.0.1:6379/0",
        description=(
            "redis://HOST:PORT/DB, rediss:// for TLS, or unix:///PATH?db=N. Credentials do not "
            "belong into it: see username and password."
        ),
    )
    username: str | None = Field(default=None, description="User of the server's access list.")
    password: SecretStr | None = Field(
        default=None, description="The user's password; a reference like secret:redis-password."
    )
    tls_ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; the system's by default."
    )
    tls_cert_file: Path | None = Field(
        default=None, description="PEM file of the client's certificate, where the server asks."
    )
    tls_key_file: Path | None = Field(
        default=None, description="PEM file of the key of that certificate."
    )
    durability: Literal["server", "fsync"] = Field(
        default="server",
        description=(
            "'server': what the server is set to, nothing is promised. 'fsync': declare durable "
            "if the server confirms appendonly yes and appendfsync always."
        ),
    )
    answer_timeout: float = Field(
        default=5.0, gt=0, description="Seconds for one answer, a long poll's wait not counted."
    )
    connect_timeout: float = Field(
        default=5.0, gt=0, description="Seconds to connect, TLS and authentication included."
    )
    max_connections: int = Field(
        default=64, ge=1, description="Connections for calls; more calls at once wait their turn."
    )
    max_waiting: int = Field(
        default=256,
        ge=1,
        description="Further connections, for long polls of watches and consumers.",
    )
    retention_seconds: float = Field(
        default=3600.0,
        ge=60,
        description="Seconds that a topic keeps messages for replay, and ids against repetition.",
    )
    namespace: str | None = Field(
        default=None,
        description="Where the service's names live on the server; its own name by default.",
    )

    @field_validator("url")
    @classmethod
    def _is_a_plain_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"the scheme must be one of {', '.join(_SCHEMES)}")
        if parts.username or parts.password:
            raise ValueError("credentials belong into username and password, not into the url")
        return url

    @model_validator(mode="after")
    def _tls_files_fit(self) -> Self:
        files = (self.tls_ca_file, self.tls_cert_file, self.tls_key_file)
        if any(files) and not self.url.startswith("rediss://"):
            raise ValueError("tls_ca_file, tls_cert_file and tls_key_file need a rediss:// url")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        return self

    def prefix_of(self, service: str, contract: str) -> bytes:
        """What all keys of a service of that name start with; one hash slot of a cluster."""
        namespace = service if self.namespace is None else self.namespace
        return f"omnicloud:{{{escape(namespace)}}}:{contract}:".encode()
