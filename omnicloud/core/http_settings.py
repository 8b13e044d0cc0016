"""What the settings of providers over HTTP have in common."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from omnicloud.core.http import Bounds

__all__ = ["HTTPSettings", "address"]


class HTTPSettings(BaseModel):
    """How a service is reached: a provider's own settings come on top.

    A default that does not fit is said anew in the subclass.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    tls_ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities to trust; the system's by default."
    )
    answer_timeout: float = Field(
        default=10.0,
        gt=0,
        description="Seconds for one answer; one more for each MiB that is carried.",
    )
    connect_timeout: float = Field(default=5.0, gt=0, description="Seconds to connect, TLS too.")
    max_connections: int = Field(
        default=64, ge=1, description="Requests at once; more wait, at most answer_timeout."
    )

    @property
    def bounds(self) -> Bounds:
        """What a :class:`~omnicloud.core.http.Wire` of these settings is held to."""
        return Bounds(
            self.answer_timeout, self.connect_timeout, self.max_connections, self.tls_ca_file
        )


def address(url: str, *, credentials: str, segments: int = 0) -> str:
    """An address of the settings without a slash at its end, for a field's validator.

    Args:
        credentials: The settings that credentials belong into.
        segments: Of how many words its path may be, at most.

    Raises:
        ValueError: It is no ``http(s)://HOST:PORT``, or has more than an address has.
    """
    parts = urlsplit(url)
    path = parts.path.strip("/")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address is http://HOST:PORT or https://HOST:PORT")
    if parts.username or parts.password:
        raise ValueError(f"credentials belong into {credentials}, not into an address")
    if parts.query or parts.fragment:
        raise ValueError("an address has no query and no fragment")
    if len(path.split("/")) > segments and path:
        raise ValueError("an address has no longer path: what is at it has settings of its own")
    return f"{parts.scheme}://{parts.netloc}{f'/{path}' if path else ''}"
