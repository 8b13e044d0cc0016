"""Settings of the provider ``postgres``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from omnicloud.core.names import escape

__all__ = ["PostgresConfig"]

_SCHEMES = ("postgresql", "postgres")


class PostgresConfig(BaseModel):
    """Which server and database, as whom, how they are reached, and where names live there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(
        default="postgresql://127.0.0.1:5432/postgres",
        description=(
            "postgresql://HOST:PORT/DATABASE. Credentials and parameters do not belong into it: "
            "see username, password and tls."
        ),
    )
    username: str | None = Field(
        default=None, description="The server's user; PGUSER or the system's user by default."
    )
    password: SecretStr | None = Field(
        default=None,
        description=(
            "The user's password, a reference like secret:pg-password; PGPASSWORD or the user's "
            "password file by default."
        ),
    )
    tls: Literal["off", "require", "verify"] = Field(
        default="off",
        description=(
            "'off': plain. 'require': TLS, whoever answers. 'verify': TLS, and the certificate "
            "and its name are checked."
        ),
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
    answer_timeout: float = Field(
        default=5.0, gt=0, description="Seconds for one answer, a long poll's wait not counted."
    )
    connect_timeout: float = Field(
        default=5.0, gt=0, description="Seconds to connect, TLS and authentication included."
    )
    transaction_timeout: float = Field(
        default=30.0, gt=0, description="Seconds after which an open transaction is rolled back."
    )
    max_connections: int = Field(
        default=16, ge=1, description="Connections for calls; more calls at once wait their turn."
    )
    max_transactions: int = Field(
        default=16, ge=1, description="Further connections, one for each open transaction."
    )
    prepared_statements: bool = Field(
        default=True,
        description="Keep statements prepared; not behind a pooler that changes connections.",
    )
    retention_seconds: float = Field(
        default=3600.0,
        ge=60,
        description=(
            "Seconds that a topic keeps messages for replay and ids against repetition, and that "
            "deleted keys are remembered for watches."
        ),
    )
    namespace: str | None = Field(
        default=None,
        description="Where the service's names live in the database; its own name by default.",
    )

    @field_validator("url")
    @classmethod
    def _is_a_plain_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"the scheme must be one of {', '.join(_SCHEMES)}")
        if parts.username or parts.password:
            raise ValueError("credentials belong into username and password, not into the url")
        if parts.query or parts.fragment:
            raise ValueError("parameters do not belong into the url: each has an option")
        return url

    @model_validator(mode="after")
    def _tls_files_fit(self) -> Self:
        if self.tls_ca_file and self.tls != "verify":
            raise ValueError("tls_ca_file needs tls = 'verify'")
        if self.tls_cert_file and self.tls == "off":
            raise ValueError("tls_cert_file needs tls = 'require' or 'verify'")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        return self

    @property
    def host(self) -> str:
        """Name or address of the server."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 5432

    @property
    def database(self) -> str:
        """The database on it."""
        return unquote(urlsplit(self.url).path.lstrip("/")) or "postgres"

    def space_of(self, service: str) -> str:
        """What a service of that name has its rows under."""
        return escape(service if self.namespace is None else self.namespace)
