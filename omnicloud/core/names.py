"""The grammar of names, and how a name enters and leaves a tenant's namespace.

A name is any Unicode text of 1 to 1,024 bytes of UTF-8: slashes, dots, ``%``, NUL and emoji
included. A driver whose service is narrower escapes it with :func:`escape`, which is
injective, so two names never become one.

Namespaces: a name outside every tenant is stored as it is, except that a leading ``~`` is
doubled; a tenant's name is stored as ``~tenant/name`` with the tenant escaped to
``[A-Za-z0-9_.-]``. An escaped tenant never starts with ``~``, so no name of one namespace is
a name of another.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from omnicloud.errors import InvalidArgumentError

__all__ = [
    "MAX_NAME_BYTES",
    "MAX_TENANT_BYTES",
    "ROOT",
    "Scope",
    "check_name",
    "check_prefix",
    "escape",
    "unescape",
]

MAX_NAME_BYTES = 1024
"""The longest name a user may give, in bytes of UTF-8."""

MAX_TENANT_BYTES = 128
"""The longest tenant, in bytes of UTF-8; escaped it is at most three times as long."""

_MARK = "~"
# An ASCII name of at most a quarter of the limit cannot exceed it: the check that most calls take.
_SURELY_SHORT = MAX_NAME_BYTES // 4


def check_name(name: str, what: str = "name") -> str:
    """Return ``name`` if it is one, or say why it is not.

    Raises:
        InvalidArgumentError: Not text, empty, longer than 1,024 bytes of UTF-8, or holding
            lone surrogates, which UTF-8 cannot carry. Nothing was sent.
    """
    if isinstance(name, str) and 0 < len(name) <= _SURELY_SHORT and name.isascii():
        return name
    if not isinstance(name, str):
        raise InvalidArgumentError(
            f"{what} must be text, not {type(name).__name__}", hint="give a str"
        )
    if not name:
        raise InvalidArgumentError(f"{what} is empty", hint="give at least one character")
    return check_prefix(name, what)


def check_prefix(prefix: str, what: str = "prefix") -> str:
    """Like :func:`check_name`, but the empty prefix is allowed."""
    if not isinstance(prefix, str):
        raise InvalidArgumentError(f"{what} must be text, not {type(prefix).__name__}")
    try:
        size = len(prefix.encode())
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(
            f"{what} holds a lone surrogate at position {error.start}",
            hint="names are Unicode text that UTF-8 can carry",
        ) from None
    if size > MAX_NAME_BYTES:
        raise InvalidArgumentError(
            f"{what} has {size} bytes of UTF-8, the limit name_max_bytes is {MAX_NAME_BYTES}",
            hint="shorten it, or store it as a value",
        )
    return prefix


def escape(name: str, safe: str = "") -> str:
    """Percent-escape everything but ASCII letters, digits, ``_``, ``.``, ``-`` and ``safe``.

    Injective: ``%`` itself is escaped. ``.`` and ``..`` become ``%2E`` and ``%2E%2E``, so a
    result is never a step in a file system's path. ``~`` is escaped too.
    """
    text = quote(name, safe=safe).replace("~", "%7E")
    return text.replace(".", "%2E") if text in (".", "..") else text


def unescape(text: str) -> str:
    """The name that :func:`escape` made ``text`` from."""
    return unquote(text, errors="strict")


@dataclass(frozen=True, slots=True)
class Scope:
    """A namespace: one tenant's, or the root where there is no tenant."""

    prefix: str = ""

    @classmethod
    def of(cls, tenant: str | None) -> Scope:
        """The scope of a tenant; ``None`` is the root.

        Raises:
            InvalidArgumentError: The tenant is empty or longer than 128 bytes of UTF-8.
        """
        if tenant is None:
            return ROOT
        check_name(tenant, "tenant")
        if len(tenant.encode()) > MAX_TENANT_BYTES:
            raise InvalidArgumentError(
                f"tenant has {len(tenant.encode())} bytes, the limit is {MAX_TENANT_BYTES}"
            )
        return cls(f"{_MARK}{escape(tenant)}/")

    def enter(self, name: str) -> str:
        """The stored name of ``name`` in this scope."""
        if self.prefix:
            return self.prefix + name
        return _MARK + name if name.startswith(_MARK) else name

    def leave(self, stored: str) -> str | None:
        """The name that ``stored`` has in this scope, or ``None`` if it belongs to another."""
        if self.prefix:
            return stored[len(self.prefix) :] if stored.startswith(self.prefix) else None
        if not stored.startswith(_MARK):
            return stored
        return stored[1:] if stored.startswith(_MARK * 2) else None

    def holds(self, name: str) -> bool:
        """Whether ``name`` is stored as it is, so that a request need not be rewritten."""
        return not self.prefix and not name.startswith(_MARK)


ROOT = Scope()
