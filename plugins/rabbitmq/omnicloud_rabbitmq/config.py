"""Settings of the provider ``rabbitmq``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

__all__ = ["RabbitConfig"]


class RabbitConfig(BaseModel):
    """Which nodes, as whom, and how they are reached."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    urls: tuple[str, ...] = Field(
        default=("amqp://127.0.0.1:5672",),
        min_length=1,
        description=(
            "Nodes of one cluster, amqp://HOST:PORT or amqps://HOST:PORT for TLS. The first that "
            "can be reached is used."
        ),
    )
    vhost: str = Field(default="/", description="The virtual host; it has to be there.")
    username: str = Field(default="guest", description="User of the broker.")
    password: SecretStr = Field(
        default=SecretStr("guest"),
        description="The user's password; a reference like secret:rabbitmq-password.",
    )
    tls_ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; the system's by default."
    )
    tls_cert_file: Path | None = Field(
        default=None, description="PEM file of the client's certificate, where the broker asks."
    )
    tls_key_file: Path | None = Field(
        default=None, description="PEM file of the key of that certificate."
    )
    answer_timeout: float = Field(
        default=5.0, gt=0, description="Seconds for one answer, a long poll's wait not counted."
    )
    connect_timeout: float = Field(
        default=5.0, gt=0, description="Seconds to connect to one node, TLS and login included."
    )
    heartbeat: int = Field(
        default=10,
        ge=1,
        le=3600,
        description="Seconds; a connection that was silent for two of them is given up.",
    )
    queues: Literal["classic", "quorum"] = Field(
        default="classic",
        description=(
            "What the queues of groups, their notes and dead letters are made as. 'quorum' keeps "
            "them on a majority of a cluster's nodes. Queues that are there already stay what "
            "they are."
        ),
    )
    namespace: str | None = Field(
        default=None,
        description="What the names of exchanges and queues start with; the service's by default.",
    )

    @field_validator("urls")
    @classmethod
    def _are_plain_addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
                raise ValueError("each url must be amqp://HOST:PORT or amqps://HOST:PORT")
            if parts.username or parts.password:
                raise ValueError("credentials belong into username and password, not into urls")
            if parts.path.strip("/"):
                raise ValueError("the virtual host belongs into vhost, not into urls")
        return urls

    @model_validator(mode="after")
    def _tls_files_fit(self) -> Self:
        files = (self.tls_ca_file, self.tls_cert_file, self.tls_key_file)
        if any(files) and not all(url.startswith("amqps://") for url in self.urls):
            raise ValueError("tls_ca_file, tls_cert_file and tls_key_file need amqps:// urls")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        return self
