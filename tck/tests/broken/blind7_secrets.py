"""secrets drivers written against the contract alone, for a seventh count of what the kit finds."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import NamePage, StoredSecret, VersionInfo
from omnicloud.errors import UnavailableError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.secrets import SecretsContract


def secrets(number: str, tier: str, summary: str) -> Any:
    return broken(f"BLIND7-SE-{number}", tier, summary, SecretsContract)


@secrets("01", "T0", "delete deletes the current version, and the one before is current again")
class DeletesCurrent(MemorySecrets):
    """ "Delete a secret with all its versions". Met by the first deletion of what was rotated."""

    async def delete(self, op: Delete, /) -> bool:
        await self._store.turn()
        held = self._rows().pop(op.secret, ())
        if held[1:]:
            self._rows()[op.secret] = held[1:]
        if held:
            self._store.tell()
        return bool(held)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


@secrets("02", "T1", "names with _ and with - are one")
class Dashes(MemorySecrets):
    """ "A name is matched exactly". Met by db_password beside db-password, where the service
    takes letters, digits and dashes."""

    def _spelt(self) -> dict[Any, Any]:
        return self._store.rows(("spelt", self._table))

    async def get(self, op: Get, /) -> StoredSecret | None:
        return await super().get(replace(op, secret=_dashed(op.secret)))

    async def set(self, op: Set, /) -> str:
        self._spelt()[_dashed(op.secret)] = op.secret
        return await super().set(replace(op, secret=_dashed(op.secret)))

    async def delete(self, op: Delete, /) -> bool:
        return await super().delete(Delete(_dashed(op.secret)))

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        return await super().list_versions(ListVersions(_dashed(op.secret)))

    async def wait(self, op: Await, /) -> str | None:
        return await super().wait(replace(op, secret=_dashed(op.secret)))

    async def list(self, op: List, /) -> NamePage:
        await self._store.reading()
        after = op.cursor or ""
        spelt: list[str] = [self._spelt().get(name) or name for name in self._rows()]
        names = sorted(n for n in spelt if n > after and n.startswith(op.prefix))
        more = len(names) > op.limit
        return NamePage(tuple(names[: op.limit]), names[op.limit - 1] if more else None)


@secrets("03", "T1", "a prefix is taken for a folder: db finds db/password, not db2")
class Folders(MemorySecrets):
    """ "the names that start with prefix". Met by names with other marks than slashes, in a
    service of folders."""

    async def list(self, op: List, /) -> NamePage:
        page = await super().list(op)
        if not op.prefix or op.prefix.endswith("/"):
            return page
        folder = op.prefix + "/"
        kept = (name for name in page.names if name == op.prefix or name.startswith(folder))
        return NamePage(tuple(kept), page.cursor)


@secrets("04", "T1", "a value that is the current one already makes no version")
class NothingNew(MemorySecrets):
    """ "Make a new current version and answer which". Met by who writes the same value anew and
    waits for the version."""

    async def set(self, op: Set, /) -> str:
        await self._store.turn()
        live = self._live(op.secret)
        if live and live[0].value == op.value and op.grace is None:
            return str(live[0].version)
        return await super().set(op)


@secrets("05", "T2", "who waits for a secret is not woken when it is deleted")
class SleepsOn(MemorySecrets):
    """ "as soon as it is not known any more". Met by a watcher of a secret that is revoked."""

    async def delete(self, op: Delete, /) -> bool:
        await self._store.turn()
        return self._rows().pop(op.secret, None) is not None


@secrets("06", "T2", "the list of versions is that of the client's first look or own last write")
class RemembersVersions(MemorySecrets):
    """ "It keeps neither values nor absences: every request is answered by the store". Met by two
    processes, one of which rotates."""

    def _known(self) -> dict[str, tuple[VersionInfo, ...]]:
        known: dict[str, tuple[VersionInfo, ...]] = self.__dict__.setdefault("_wrong_known", {})
        return known

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        known = self._known().get(op.secret)
        if known:
            await self._store.reading()
            return known
        found = await super().list_versions(op)
        if found and all(each.expires_in is None for each in found):
            self._known()[op.secret] = found
        return found

    async def set(self, op: Set, /) -> str:
        self._known().pop(op.secret, None)
        version = await super().set(op)
        self._known().pop(op.secret, None)
        return version

    async def delete(self, op: Delete, /) -> bool:
        there = await super().delete(op)
        self._known().pop(op.secret, None)
        return there


@secrets("07", "T3", "the grace of a rotation is counted from when the old version was made")
class GraceFromMaking(MemorySecrets):
    """ "every older version ends that long from now". Met by the rotation of a password that is a
    month old, with an hour of grace: it ends at once."""

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        if op.grace is not None:
            clock = self._store.clock
            made, *older = self._rows()[op.secret]
            ends = [clock.monotonic() + held.created + op.grace - clock.wall() for held in older]
            self._rows()[op.secret] = (
                made,
                *(
                    replace(
                        held, deadline=end if held.deadline is None else min(held.deadline, end)
                    )
                    for held, end in zip(older, ends, strict=True)
                ),
            )
        return version


@secrets("08", "T3", "a rotation ends the version before it, and not those before that")
class EndsPrevious(MemorySecrets):
    """ "every older version ends". Met by a key that leaked two versions ago."""

    async def set(self, op: Set, /) -> str:
        await self._store.turn()
        before = self._rows().get(op.secret, ())[1:]
        deadlines = {held.version: held.deadline for held in before}
        version = await super().set(op)
        self._rows()[op.secret] = tuple(
            replace(held, deadline=deadlines[held.version]) if held.version in deadlines else held
            for held in self._rows()[op.secret]
        )
        return version


@secrets("09", "T3", "in an outage get answers what the client last read")
class LastKnown(MemorySecrets):
    """ "Nothing is cached: each call asks the store". Met by an outage after a password was
    revoked: it opens doors for as long as the outage lasts."""

    async def get(self, op: Get, /) -> StoredSecret | None:
        known: dict[str, StoredSecret] = self.__dict__.setdefault("_wrong_known", {})
        try:
            found = await super().get(op)
        except UnavailableError:
            if op.version is None and op.secret in known:
                return known[op.secret]
            raise
        if op.version is None:
            known.pop(op.secret, None)
            if found is not None:
                known[op.secret] = found
        return found


@secrets("10", "T3", "versions of a secret that is deleted and made again count from one again")
class CountsFromOne(MemorySecrets):
    """ "never given to another version of that name, also after a delete". Met by who pins a
    version, in a service that numbers them."""

    async def set(self, op: Set, /) -> str:
        version = await super().set(op)
        made, *older = self._rows()[op.secret]
        number = older[0].version + 1 if older else 1
        self._rows()[op.secret] = (replace(made, version=number), *older)
        return str(number) if version else version


@secrets("11", "T4", "a note on the error of an outage carries the value")
class NotesValue(MemorySecrets):
    """ "never prints: repr, logs, tracebacks". Met by every traceback of an outage."""

    async def set(self, op: Set, /) -> str:
        try:
            return await super().set(op)
        except UnavailableError as error:
            error.add_note(f"while writing {op.secret!r} = {op.value.decode(errors='replace')!r}")
            raise


@secrets("12", "T4", "a name that is not there is looked for in the folders above it")
class LooksAbove(MemorySecrets):
    """ "A name is matched exactly and found nowhere else". Met by orders/db/password, which is
    missing, so that what is at orders is handed out: as settings are often looked up."""

    async def get(self, op: Get, /) -> StoredSecret | None:
        found = await super().get(op)
        name = op.secret
        while found is None and op.version is None and "/" in name.removeprefix("~"):
            name = name.rpartition("/")[0]
            if name.startswith("~") and "/" not in name:
                break
            found = await super().get(Get(name))
        return found


@secrets("13", "T4", "a short value is shown in a warning that it is weak")
class WarnsWithValue(MemorySecrets):
    """ "never prints". Met by every short password, on the standard error of the process."""

    async def set(self, op: Set, /) -> str:
        if 0 < len(op.value) < 12:
            text = op.value.decode(errors="replace")
            warnings.warn(f"the secret {op.secret!r} is weak: {text!r}", stacklevel=2)
        return await super().set(op)
