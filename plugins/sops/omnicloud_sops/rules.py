"""Which values of a file SOPS keeps closed: what its metadata says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from omnicloud.errors import ConfigurationError

__all__ = ["CLOSE_EVERYTHING", "Closing", "closing_of"]

Closing = Callable[[Sequence[str]], bool]
"""Whether the value at this path of keys is closed."""

CLOSE_EVERYTHING = {"encrypted_regex": "^"}
"""Metadata of files that are made: no name, like one in ``_unencrypted``, opens its value."""

_DEFAULT_SUFFIX = "_unencrypted"
_UNKNOWN = ("unencrypted_comment_regex", "encrypted_comment_regex", "mac_only_encrypted")


def closing_of(metadata: Mapping[str, object]) -> Closing:
    """The file's rule, of which there is one.

    Raises:
        ConfigurationError: One that this provider does not know, or a pattern that is none.
    """
    for name in _UNKNOWN:
        if metadata.get(name):
            raise ConfigurationError(f"the file uses {name}, which this provider does not know")
    if suffix := _text(metadata, "encrypted_suffix"):
        return lambda path: any(key.endswith(suffix) for key in path)
    if pattern := _text(metadata, "encrypted_regex"):
        closed = _compiled(pattern)
        return lambda path: any(closed.search(key) for key in path)
    if pattern := _text(metadata, "unencrypted_regex"):
        opened = _compiled(pattern)
        return lambda path: not any(opened.search(key) for key in path)
    ending = _text(metadata, "unencrypted_suffix") or _DEFAULT_SUFFIX
    return lambda path: not any(key.endswith(ending) for key in path)


def _text(metadata: Mapping[str, object], name: str) -> str:
    value = metadata.get(name)
    return value if isinstance(value, str) else ""


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:
        raise ConfigurationError("a pattern in the file's metadata cannot be read") from None
