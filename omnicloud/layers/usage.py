"""The layer that records which operations and features an application really uses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import ConfigurationError

__all__ = ["SCHEMA_VERSION", "UsageLayer"]

SCHEMA_VERSION = 1
"""Of a line; grows when a reader of the version before would misunderstand."""


class UsageLayer:
    """Tells a file of each operation, with the features it needs, when it is first asked for.

    A line of JSON for each; lines are appended in one write, so that several services and
    processes may share the file. Names of operations, services and features are all that it
    says: no keys, no payloads, no tenants.

    Args:
        path: The file; made when it is missing.
        requires: Features that the configuration demands of the service; they count as used.
    """

    def __init__(self, path: Path, requires: Iterable[str] = ()) -> None:
        self._path = path
        self._requires = tuple(sorted(requires))
        self._seen: set[tuple[str, str, frozenset[Feature]]] = set()
        self._append(b"")

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on.

        Raises:
            ConfigurationError: The record cannot be written; the call was not made.
        """
        use = (call.service.name, call.op.name, call.op.needs())
        if use not in self._seen:
            self._record(*use)
            self._seen.add(use)
        return await proceed(call)

    def _record(self, service: str, operation: str, features: frozenset[Feature]) -> None:
        line = {
            "schema_version": SCHEMA_VERSION,
            "service": service,
            "contract": operation.partition(".")[0],
            "operation": operation,
            "features": sorted(features),
            "requires": self._requires,
        }
        self._append(json.dumps(line).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        try:
            file = os.open(self._path, flags, 0o644)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        except OSError as error:
            raise ConfigurationError(
                f"the record of use cannot be written: {error.strerror}",
                hint="name a file in a folder that is there, or record no use",
            ) from error
