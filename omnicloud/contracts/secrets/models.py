"""Values of the secrets contract."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import NoReturn, Self, final

from omnicloud.core.operation import Feature, Limits
from omnicloud.errors import CorruptedError

__all__ = [
    "NamePage",
    "Secret",
    "SecretChange",
    "SecretsFeature",
    "SecretsLimits",
    "StoredSecret",
    "VersionInfo",
]

_HIDDEN = "***"


class SecretsFeature(Feature):
    """What a secrets driver may declare."""

    VERSIONS = "versions"
    """Older versions can be read, listed, and ended with a grace by ``rotate``."""
    WATCH = "watch"
    """``watch`` tells every change at least in its last state."""
    DURABLE = "durable"
    """What was acknowledged survives a crash of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsLimits(Limits):
    """Bounds of a secrets driver."""

    value_max_bytes: int = 64 << 10
    """At least 4 KiB, so that every application can count on it."""
    versions_kept: int = 10
    """So many newest versions of a name are kept, the current one among them. At least 2 where
    ``versions`` is declared, else 1."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One version of a secret as a driver knows it; its value is never in the ``repr``.

    Attributes:
        value: The stored bytes, unchanged.
        version: Opaque, not empty; never given to another version of that name, also after
            a delete.
    """

    value: bytes = field(repr=False)
    version: str


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A readable version of a secret.

    Attributes:
        version: What ``get(name, version=…)`` takes.
        created: Seconds since 1970-01-01 UTC.
        expires_in: Seconds until the grace of its rotation ends; ``None`` where none runs.
    """

    version: str
    created: float
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class NamePage:
    """Some names in code-point order; ``cursor`` is ``None`` on the last page."""

    names: tuple[str, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class SecretChange:
    """A secret has another current version now; ``None``: it was deleted."""

    name: str
    version: str | None


@final
class Secret:
    """The value of a secret. It equals its text and its bytes, and never prints.

    ``repr``, ``str``, ``format`` and a traceback's locals show ``***``; pickling it is
    refused, and JSON does not know it. It has no hash and no length, which would tell about
    it. Comparing takes the same time wherever two values of one length differ. To use the
    value, say so: :meth:`reveal`.
    """

    __slots__ = ("_name", "_value", "_version")
    __hash__ = None  # type: ignore[assignment]  # a hash would tell about the value

    def __init__(self, value: str | bytes, *, name: str = "", version: str = "") -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)
        self._name = name
        self._version = version

    @property
    def name(self) -> str:
        """The name it was read under."""
        return self._name

    @property
    def version(self) -> str:
        """Which version it is."""
        return self._version

    def reveal(self) -> str:
        """The text.

        Raises:
            CorruptedError: The value is not UTF-8 text; read it with :meth:`reveal_bytes`.
        """
        text = self._value.decode(errors="surrogateescape")
        if any("\udc80" <= letter <= "\udcff" for letter in text):
            # Not by catching UnicodeDecodeError, which would carry the value along.
            raise CorruptedError("the secret is not UTF-8 text", hint="read it with reveal_bytes()")
        return text

    def reveal_bytes(self) -> bytes:
        """The bytes."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Secret):
            return hmac.compare_digest(self._value, other._value)
        if isinstance(other, str):
            return hmac.compare_digest(self._value, other.encode(errors="surrogatepass"))
        if isinstance(other, bytes | bytearray):
            return hmac.compare_digest(self._value, other)
        return NotImplemented

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"

    def __str__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled; pass its name and read it there")
