"""Settings of the provider ``docker``."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["DockerConfig"]


class DockerConfig(BaseModel):
    """Which engine, how it is reached, and what containers get where a spec says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(
        default="unix:///var/run/docker.sock",
        description="unix:///PATH of the socket, or https://HOST:PORT for TLS, http:// without.",
    )
    tls_ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; the system's by default."
    )
    tls_cert_file: Path | None = Field(
        default=None, description="PEM file of the client's certificate, where the engine asks."
    )
    tls_key_file: Path | None = Field(
        default=None, description="PEM file of the key of that certificate."
    )
    default_image: str | None = Field(
        default=None, description="What containers run from whose spec names no image."
    )
    network: str | None = Field(
        default=None, description="The network mode of containers; the engine's by default."
    )
    io_device: str | None = Field(
        default=None,
        description=(
            "The engine's disk, as in /dev/sda, for which limits of reads and writes are; of an "
            "engine on this machine found by itself."
        ),
    )
    log_bytes: int = Field(
        default=1 << 20, ge=4096, description="Bytes of one log file, then a new one is begun."
    )
    log_files: int = Field(
        default=16, ge=2, description="Log files kept for each container, the newest."
    )
    answer_timeout: float = Field(
        default=30.0, gt=0, description="Seconds for one answer, a long poll's wait not counted."
    )
    namespace: str | None = Field(
        default=None,
        description="Which of the engine's containers are this service's; its name by default.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.url.startswith(("unix:///", "https://", "http://")):
            raise ValueError("url must start with unix:///, https:// or http://")
        if self.io_device is not None and not self.io_device.startswith("/dev/"):
            raise ValueError("io_device must be the path of a device, as in /dev/sda")
        files = (self.tls_ca_file, self.tls_cert_file, self.tls_key_file)
        if any(files) and not self.url.startswith("https://"):
            raise ValueError("tls_ca_file, tls_cert_file and tls_key_file need an https:// url")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_cert_file and tls_key_file belong together")
        return self
