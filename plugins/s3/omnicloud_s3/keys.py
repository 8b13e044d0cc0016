"""How keys are kept in the bucket: any of ours, escaped, or only the service's own, as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from omnicloud.errors import InvalidArgumentError

__all__ = ["Keys", "PlainKeys"]

_MOST_BYTES = 1024
_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f]|(^|/)\.{1,2}(/|$)")
_OURS = "~~"  # what claims and staged uploads start with


class Keys(Protocol):
    """What :class:`omnicloud.contracts.objects.narrow.NarrowKeys` says."""

    def stored(self, key: str) -> str: ...
    def rest(self, key: str) -> str: ...
    def key(self, stored: str, rest: str = "") -> str | None: ...
    def cluster(self, key: str) -> str | None: ...
    def beginning(self, prefix: str) -> str: ...


@dataclass(frozen=True, slots=True)
class PlainKeys:
    """Keys as they are, below ``prefix``; those that the service does not take are refused."""

    prefix: str = ""

    def stored(self, key: str) -> str:
        """The key itself.

        Raises:
            InvalidArgumentError: It is too long, or holds what no URL can carry.
        """
        stored = self.prefix + key
        size = len(stored.encode())
        if size > _MOST_BYTES:
            raise InvalidArgumentError(
                f"the key has {size} bytes in the bucket, the service takes {_MOST_BYTES}",
                hint='keys = "escaped" takes any',
            )
        if _NOT_PLAIN.search(stored) is not None or key.startswith(_OURS):
            raise InvalidArgumentError(
                "the key holds a control character, or '.' or '..' between slashes, or starts "
                "with '~~'",
                hint='keys = "escaped" takes any',
            )
        return stored

    def rest(self, key: str) -> str:
        """Nothing: all is in the stored form."""
        return ""

    def key(self, stored: str, rest: str = "") -> str | None:
        """The key of a stored form; ``None`` where it is not one of ours."""
        if not stored.startswith(self.prefix) or stored.startswith(self.prefix + _OURS):
            return None
        return stored[len(self.prefix) :]

    def cluster(self, key: str) -> str | None:
        """None: the service keeps the order of the keys."""
        return None

    def beginning(self, prefix: str) -> str:
        """What the keys with that prefix start with in the bucket."""
        return self.prefix + prefix
