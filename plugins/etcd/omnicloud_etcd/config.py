"""Settings of the provider ``etcd``."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from omnicloud.core.names import escape

__all__ = ["EtcdConfig"]

_BESIDE_BYTES = 16 << 10  # in a request beside a value: its key and conditions


class EtcdConfig(BaseModel):
    """Which members, as whom, how they are reached, and what they are set to take."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    urls: tuple[str, ...] = Field(
        default=("http://127.0.0.1:2379",),
        min_length=1,
        description=(
            "Client URLs of members of one cluster, http:// or https://. The first that can be "
            "reached is asked; another one where no connection can be made to it."
        ),
    )
    username: str | None = Field(default=None, description="User, where authentication is on.")
    password: SecretStr | None = Field(
        default=None, description="The user's password; a reference like secret:etcd-password."
    )
    tls_ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; the system's by default."
    )
    tls_cert_file: Path | None = Field(
        default=None, description="PEM file of the client's certificate, where members ask."
    )
    tls_key_file: Path | None = Field(
        default=None, description="PEM file of the key of that certificate."
    )
    answer_timeout: float = Field(
        default=5.0, gt=0, description="Seconds for one answer, a long poll's wait not counted."
    )
    connect_timeout: float = Field(
        default=5.0, gt=0, description="Seconds to connect to one member, TLS included."
    )
    max_connections: int = Field(
        default=64, ge=1, description="Connections for calls; more calls at once wait their turn."
    )
    max_txn_ops: int = Field(
        default=128,
        ge=1,
        le=10_000,
        description="The members' --max-txn-ops: keys in one batch, and in one transaction.",
    )
    value_max_bytes: int = Field(
        default=1 << 20,
        ge=1,
        description="Largest value; max_request_bytes has to leave room for it.",
    )
    max_request_bytes: int = Field(
        default=1536 << 10,
        ge=64 << 10,
        description=(
            "The members' --max-request-bytes: what one batch and one transaction may write "
            "together, less a little for each key."
        ),
    )
    namespace: str | None = Field(
        default=None,
        description="Where the service's names live in the cluster; its own name by default.",
    )

    @field_validator("urls")
    @classmethod
    def _are_plain_addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("each url must be http://HOST:PORT or https://HOST:PORT")
            if parts.username or parts.password:
                raise ValueError("credentials belong into username and password, not into urls")
        return tuple(url.rstrip("/") for url in urls)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        files = (self.tls_ca_file, self.tls_cert_file, self.tls_key_file)
        if any(files) and not all(url.startswith("https://") for url in self.urls):
            raise ValueError("tls_ca_file, tls_cert_file and tls_key_file need https:// urls")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.value_max_bytes + _BESIDE_BYTES > self.max_request_bytes:
            raise ValueError(
                f"max_request_bytes must leave {_BESIDE_BYTES} bytes beside value_max_bytes: "
                "set it to the members' --max-request-bytes, or value_max_bytes lower"
            )
        return self

    def prefix_of(self, service: str, contract: str) -> bytes:
        """What all keys of a service of that name start with."""
        namespace = service if self.namespace is None else self.namespace
        return f"omnicloud/{escape(namespace)}/{contract}/".encode()
