"""Settings of the provider ``nats``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from omnicloud_nats.names import token_of

__all__ = ["NatsConfig"]

_SCHEMES = ("nats", "tls")


class NatsConfig(BaseModel):
    """Which servers, as whom, how they are reached, and what they may be trusted to keep."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(
        default="nats://127.0.0.1:4222",
        description=(
            "nats://HOST:PORT, or tls:// to insist on TLS; all nodes of a cluster with commas "
            "between. Credentials do not belong into it."
        ),
    )
    username: str | None = Field(default=None, description="User of the server's accounts.")
    password: SecretStr | None = Field(
        default=None, description="The user's password; a reference like secret:nats-password."
    )
    token: SecretStr | None = Field(
        default=None, description="A token instead of user and password; a secret's reference."
    )
    credentials_file: Path | None = Field(
        default=None,
        description="A .creds file with a JWT and an nkey's seed; needs omnicloud-nats[creds].",
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
    replicas: Literal[1, 3, 5] = Field(
        default=1, description="Servers that keep each stream; a write is on most of them."
    )
    durability: Literal["server", "fsync"] = Field(
        default="server",
        description=(
            "'server': what the server is set to, nothing is promised. 'fsync': declare durable; "
            "you vouch for sync_interval: always, for which a client cannot ask."
        ),
    )
    answer_timeout: float = Field(
        default=5.0, gt=0, description="Seconds for one answer, a long poll's wait not counted."
    )
    connect_timeout: float = Field(
        default=5.0, gt=0, description="Seconds to connect, TLS and authentication included."
    )
    changes_seconds: float = Field(
        default=3600.0,
        ge=60,
        description="Seconds that a deletion is remembered for those who watch, and may be away.",
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
    def _is_plain_addresses(cls, url: str) -> str:
        for one in url.split(","):
            parts = urlsplit(one.strip())
            if parts.scheme not in _SCHEMES or not parts.hostname:
                raise ValueError(f"each address must be one of {', '.join(_SCHEMES)}://HOST:PORT")
            if parts.username or parts.password:
                raise ValueError("credentials belong into fields of their own, not into the url")
        return url

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        ways = [
            self.username is not None,
            self.token is not None,
            self.credentials_file is not None,
        ]
        if sum(ways) > 1:
            raise ValueError("username, token and credentials_file exclude each other")
        return self

    @property
    def addresses(self) -> tuple[tuple[str, int, bool], ...]:
        """Host, port, and whether TLS is a must, of each server."""
        parts = [urlsplit(one.strip()) for one in self.url.split(",")]
        return tuple((p.hostname or "", p.port or 4222, p.scheme == "tls") for p in parts)

    def stream_of(self, service: str, contract: str) -> str:
        """The stream of a service of that name, also the second token of its subjects."""
        namespace = service if self.namespace is None else self.namespace
        return f"omnicloud-{contract}-{token_of(namespace)}"
