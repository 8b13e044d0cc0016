"""The layer that keeps each tenant's names in a namespace of their own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from omnicloud.core.names import ROOT, Scope
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import PermissionDeniedError

__all__ = ["TenancyLayer"]

_scope_of = lru_cache(maxsize=1024)(Scope.of)


class TenancyLayer:
    """Rewrites the names of a request into its tenant's namespace, and those of the answer back.

    Args:
        tenant: The one tenant whose data the service holds: a call for another is refused, a
            call for none is for this one. ``None``: the caller's tenant decides, and without
            one the names are outside every tenant.
    """

    def __init__(self, tenant: str | None = None) -> None:
        self._tenant = tenant
        self._scope = Scope.of(tenant)

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the scoped call on.

        Raises:
            PermissionDeniedError: The service belongs to another tenant; nothing was sent.
        """
        scope = self._scope_for(call.ambient.tenant)
        op = call.op
        answer = await proceed(call.with_op(op.scoped(scope)))
        return op.unscoped(answer, scope)

    def _scope_for(self, asked: str | None) -> Scope:
        if self._tenant is None:
            return ROOT if asked is None else _scope_of(asked)
        if asked is not None and asked != self._tenant:
            raise PermissionDeniedError(
                "the service is bound to another tenant than the call is for",
                hint="open a service for that tenant, or one that is bound to none",
            )
        return self._scope
