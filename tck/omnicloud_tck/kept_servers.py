"""Servers that outlive their worlds, for those that take longer to start than most laws."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable

from omnicloud_tck.servers import ServerProcess

__all__ = ["KeptServer", "end_kept_servers", "kept_server"]


class KeptServer(ServerProcess):
    """A server that worlds leave running; each has to have a part of it to itself."""

    async def start(self) -> None:
        """Start it, where it does not run."""
        if not self.running:
            await super().start()

    def remove(self) -> None:
        """Leave it to the end of this process."""

    def end(self) -> None:
        """End it and remove its folder."""
        super().remove()


_of_thread = threading.local()


def kept_server(make: Callable[[], KeptServer]) -> KeptServer:
    """The one server of this thread that ``make`` makes, which ends with the process.

    Laws that are tried beside each other, in other threads, may kill theirs.
    """
    kept: dict[object, KeptServer] = _of_thread.__dict__.setdefault("kept", {})
    if make not in kept:
        kept[make] = make()
        atexit.register(kept[make].end)
    return kept[make]


def end_kept_servers() -> None:
    """End those of this thread; whoever asks for one next is given a fresh one."""
    kept: dict[object, KeptServer] = _of_thread.__dict__.pop("kept", {})
    for server in kept.values():
        atexit.unregister(server.end)
        server.end()
