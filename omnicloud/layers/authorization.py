"""The layer that asks whether the principal may do what the call does."""

from __future__ import annotations

from typing import Any, Protocol

from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import PermissionDeniedError

__all__ = ["AuthorizationLayer", "Authorizer"]


class Authorizer(Protocol):
    """Who decides. Further circumstances (tenant, groups, tags) are the running task's."""

    async def is_allowed(self, principal: str, action: str, resource: str, /) -> bool:
        """Whether the principal may do the action to the resource."""


class AuthorizationLayer:
    """Lets a call through only when every name it is about is allowed.

    The action of the request ``kv.get`` is ``kv:get``; the resource is ``service/name`` in the
    caller's own names, and ``service/`` where a request is about no one name. Without a principal,
    or when the authorizer fails, the answer is no.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on, or raise :class:`PermissionDeniedError`; then nothing was sent."""
        principal = call.ambient.principal
        action = call.op.name.replace(".", ":", 1)
        if principal is None:
            raise PermissionDeniedError(
                f"{action} needs a principal and the call has none",
                hint='make the call inside `with acting_as("user:…")`',
            )
        for name in call.op.resources:
            if not await self._allowed(principal, action, f"{call.service.name}/{name}"):
                raise PermissionDeniedError(
                    f"{principal} may not {action} what it asked for",
                    hint="ask who keeps the policies; `explain` names the deciding rule",
                )
        return await proceed(call)

    async def _allowed(self, principal: str, action: str, resource: str) -> bool:
        try:
            return await self._authorizer.is_allowed(principal, action, resource) is True
        except Exception as error:
            raise PermissionDeniedError(
                f"{action} was refused: whether it is allowed could not be found out",
                hint="the cause says why the policies could not be evaluated",
            ) from error
