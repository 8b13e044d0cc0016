"""moto's way of finding whose a request is, in less time.

For each request moto lists its own folder twice, to see what services there are, and looks through
the class of the service for its methods. Neither changes: here they are looked for once.
"""

from __future__ import annotations

from functools import cache

__all__ = ["quicken"]


def quicken() -> None:
    """Let requests find their services so, from now on in this process."""
    from moto import backends
    from moto.core import responses

    services = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    responses.method_names_from_class = cache(responses.method_names_from_class)  # type: ignore[attr-defined]  # it exports nothing
