"""secrets drivers that are wrong on purpose."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Any

from broken.common import Verbs, field, wrong_in_common
from broken.registry import broken
from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.errors import SecretNotFoundError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract


def secrets(id_: str, tier: str, summary: str) -> Any:
    return broken(id_, tier, summary, SecretsContract)


wrong_in_common(
    "SE",
    SecretsContract,
    MemorySecrets,
    Verbs(
        "set",
        "get",
        "delete",
        field("secret"),
        lambda op, how: replace(op, value=how(op.value)),
    ),
)


@secrets("SE01", "T0", "get finds nothing")
class FindsNothing(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        return None


@secrets("SE02", "T0", "delete is a no-op")
class DeletesNothing(MemorySecrets):
    async def delete(self, op: Delete, /) -> bool:
        return op.secret in self._rows()


@secrets("SE03", "T1", "values are stripped")
class Strips(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value.strip()))


@secrets("SE04", "T1", "an empty secret is not found")
class EmptyIsAbsent(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        stored = await super().get(op)
        return stored if stored and stored.value else None


@secrets("SE05", "T1", "a prefix of the name is enough")
class MatchesPrefix(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        await self._store.reading()
        for name in sorted(self._rows()):
            if name.startswith(op.secret):
                return await super().get(replace(op, secret=name))
        return None


@secrets("SE06", "T3", "the first value is cached for ever")
class CachesValues(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        held = self.__dict__.setdefault("_cache", {})
        if op not in held:
            stored = await super().get(op)
            if stored is None:
                return None
            held[op] = stored
        found: StoredSecret = held[op]
        return found


@secrets("SE07", "T3", "absence is cached for ever")
class CachesAbsence(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        absent = self.__dict__.setdefault("_absent", set())
        stored = None if op in absent else await super().get(op)
        if stored is None:
            absent.add(op)
        return stored


@secrets("SE08", "T4", "a missing secret is empty")
class MissingIsEmpty(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(op) or StoredSecret(b"", "0")


@secrets("SE09", "T4", "an unknown name is looked up in the environment")
class AsksEnvironment(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        stored = await super().get(op)
        found = os.environ.get(op.secret.upper().replace("/", "_"))
        return stored if stored or not found else StoredSecret(found.encode(), "env")


@secrets("SE10", "T4", "values are logged when they are read")
class LogsReads(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        stored = await super().get(op)
        logging.getLogger("vendor").debug("read %s: %r", op.secret, stored and stored.value)
        return stored


@secrets("SE11", "T4", "values are logged when they are written")
class LogsWrites(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        logging.getLogger("vendor").info("write %r", op.value)
        return await super().set(op)


@secrets("SE12", "T4", "the not-found error lists other secrets")
class ListsOthers(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        stored = await super().get(op)
        if stored is None:
            raise SecretNotFoundError(f"have {sorted(self._rows())}")
        return stored


@secrets("SE13", "T4", "the not-found error holds other values in its cause")
class LeaksInCause(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        stored = await super().get(op)
        if stored is None:
            known = {name: held[0].value for name, held in self._rows().items() if held}
            raise SecretNotFoundError("missing") from KeyError(known)
        return stored


@secrets("SE14", "T1", "values over 32 KiB are cut")
class CutsLong(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value[: 32 << 10]))


@secrets("SE15", "T1", "the limit that is declared is not the one that holds")
class LimitUntrue(MemorySecrets):
    @property
    def limits(self) -> SecretsLimits:
        return SecretsLimits(value_max_bytes=(64 << 10) + 8)

    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, value=op.value[: 64 << 10]))


@secrets("SE16", "T1", "list stops after the first page")
class ListsOnePage(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        return NamePage((await super().list(op)).names)


@secrets("SE17", "T1", "list sorts without case")
class ListsWithoutCase(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        return NamePage(tuple(sorted(page.names, key=str.lower)), page.cursor)


@secrets("SE18", "T1", "the cursor of a list is a number of names")
class ListsByOffset(MemorySecrets):
    async def list(self, op: List, /) -> NamePage:
        skip = int(op.cursor or 0)
        names = (await super().list(List(op.prefix, None, 10_000))).names
        cut = skip + op.limit
        return NamePage(names[skip:cut], str(cut) if len(names) > cut else None)


@secrets("SE19", "T1", "the version is ignored")
class IgnoresVersion(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(replace(op, version=None))


@secrets("SE20", "T1", "versions are listed oldest first")
class OldestFirst(MemorySecrets):
    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        return (await super().list_versions(op))[::-1]


@secrets("SE21", "T1", "the grace is ignored: old versions stay")
class NoGrace(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, grace=None))


@secrets("SE22", "T1", "the grace is cut to whole seconds")
class WholeSeconds(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        return await super().set(replace(op, grace=op.grace and float(int(op.grace))))


@secrets("SE23", "T1", "a second rotation prolongs the first grace")
class ProlongsGrace(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        rows = self._rows()
        held = rows.get(op.secret, ())
        rows[op.secret] = tuple(replace(each, deadline=None) for each in held)
        return await super().set(op)


@secrets("SE24", "T1", "versions are counted per secret, from 1 again after a delete")
class CountsAnew(MemorySecrets):
    async def set(self, op: Set, /) -> str:
        await super().set(op)
        held = self._rows()[op.secret]
        number = held[1].version + 1 if len(held) > 1 else 1
        self._rows()[op.secret] = (replace(held[0], version=number), *held[1:])
        return str(number)


@secrets("SE25", "T2", "a watch tells nothing of deletions")
class WatchMissesDeletes(MemorySecrets):
    async def wait(self, op: Await, /) -> str | None:
        version = await super().wait(op)
        return op.known if version is None and op.wait else version


@secrets("SE26", "T2", "a watch tells changes of other secrets")
class WatchTellsOthers(MemorySecrets):
    async def wait(self, op: Await, /) -> str | None:
        count = len(self._rows())
        if not op.wait:
            return await super().wait(op)
        while len(self._rows()) == count:
            version = await super().wait(replace(op, wait=0.01))
            if version != op.known:
                return version
        return "other"


@secrets("SE27", "T2", "every 5th read of a secret gives the value before")
class ReadsOld(MemorySecrets):
    async def get(self, op: Get, /) -> StoredSecret | None:
        stored = await super().get(op)
        turn = self.__dict__["_turn"] = self.__dict__.get("_turn", 0) + 1
        held = self._live(op.secret)
        if stored is None or op.version is not None or turn % 5 or len(held) < 2:
            return stored
        return StoredSecret(held[1].value, str(held[1].version))
