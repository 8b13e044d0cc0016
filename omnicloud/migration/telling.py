"""What all movers tell alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from omnicloud.core.context import current
from omnicloud.core.operation import Limits
from omnicloud.errors import CorruptedError
from omnicloud.migration.models import Item, Loss

__all__ = ["differing", "narrower", "of_one_scope"]

_WHOLE = frozenset({"value_max_bytes", "object_max_bytes", "document_max_bytes"})
_NAMED = frozenset({"name_max_bytes", "metadata_max_bytes"})


def of_one_scope() -> Iterator[Loss]:
    """What every copy leaves behind: versions, and whoever is not copied for."""
    yield Loss("versions", "the target gives its own: conditions on the source's do not hold there")
    who = current().tenant
    if who is None:
        yield Loss("the data of tenants", "only what belongs to no tenant is copied: name a tenant")
    else:
        yield Loss("the data of others", f"only what belongs to the tenant {who!r} is copied")


def narrower(source: Limits, target: Limits) -> Iterator[Loss]:
    """The limits of the target that are below those of the source."""
    for field in fields(target):
        if field.name not in _WHOLE | _NAMED:
            continue
        most, here = getattr(target, field.name), getattr(source, field.name, None)
        if isinstance(here, int) and here > most:
            why = f"{field.name} of the target is {most}, of the source {here}: what is over fails"
            yield Loss(f"what is over {field.name}", why)


def differing(item: Item) -> CorruptedError:
    """The error of an item that did not come back as it was sent."""
    return CorruptedError(
        f"{'/'.join(item.place)!r} came back from the target otherwise than it was written",
        hint="let nobody else write the target meanwhile, and run the copy again",
    )
