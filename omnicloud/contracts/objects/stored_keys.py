"""How keys are kept in a store: escaped, so that any of ours fits, or as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from omnicloud.errors import InvalidArgumentError

__all__ = ["OURS", "PlainKeys", "StoredKeys"]

OURS = "~~"
"""What the names of a provider's own objects start with below its prefix; no key of ours does."""


class StoredKeys(Protocol):
    """What :class:`omnicloud.contracts.objects.narrow.NarrowKeys` says."""

    def stored(self, key: str) -> str: ...
    def rest(self, key: str) -> str: ...
    def key(self, stored: str, rest: str = "") -> str | None: ...
    def cluster(self, key: str) -> str | None: ...
    def beginning(self, prefix: str) -> str: ...


@dataclass(frozen=True, slots=True)
class PlainKeys:
    """Keys as they are, below ``prefix``; those that the service does not take are refused.

    Attributes:
        prefix: What the stored forms start with.
        refused: Found in a key that the service does not take.
        why: What that is, in words.
        most_bytes: Of a stored form in UTF-8.
    """

    prefix: str
    refused: re.Pattern[str]
    why: str
    most_bytes: int = 1024

    def stored(self, key: str) -> str:
        """The key itself.

        Raises:
            InvalidArgumentError: The service does not take it.
        """
        stored = self.prefix + key
        size = len(stored.encode())
        if size > self.most_bytes:
            raise InvalidArgumentError(
                f"the key has {size} bytes in the store, the service takes {self.most_bytes}",
                hint='keys = "escaped" takes any',
            )
        if self.refused.search(stored) is not None or key.startswith(OURS):
            raise InvalidArgumentError(
                f"the key {self.why}, or starts with '{OURS}'", hint='keys = "escaped" takes any'
            )
        return stored

    def rest(self, key: str) -> str:
        """Nothing: all is in the stored form."""
        return ""

    def key(self, stored: str, rest: str = "") -> str | None:
        """The key of a stored form; ``None`` where it is not one of ours."""
        if not stored.startswith(self.prefix) or stored.startswith(self.prefix + OURS):
            return None
        return stored[len(self.prefix) :]

    def cluster(self, key: str) -> str | None:
        """None: the service keeps the order of the keys."""
        return None

    def beginning(self, prefix: str) -> str:
        """What the keys with that prefix start with in the store."""
        return self.prefix + prefix
