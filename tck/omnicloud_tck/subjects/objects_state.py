"""What is there of objects: content, kind and version by key, and uploads under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from omnicloud.contracts.objects.models import Metadata
from omnicloud_tck.check import equal, that
from omnicloud_tck.programs.model import NO_ANSWER, Failed

__all__ = ["CONFLICT", "Blob", "ObjectsState", "Upload"]

CONFLICT, _EXISTS = Failed("ConflictError"), Failed("AlreadyExistsError")


@dataclass(frozen=True, slots=True)
class Blob:
    """An object.

    Attributes:
        version: As far as it was told.
        odd: Whether it came with the checksum of something else.
        written: Between which moments of the wall clock, as far as is known.
    """

    data: bytes = field(repr=False)
    content_type: str
    metadata: Metadata
    version: str | None = None
    odd: bool = False
    written: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload under way.

    Attributes:
        parts: By number, with their tags as far as they were told.
        stale: Tags that parts had before they were sent again.
    """

    key: str
    content_type: str
    metadata: Metadata
    parts: Mapping[int, tuple[str | None, bytes]] = field(default_factory=dict, repr=False)
    stale: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectsState:
    """One tenant's objects and uploads.

    Attributes:
        past: The versions that each key had.
        ended: Uploads that are completed or aborted, with their keys.
        seen: Keys that were written.
    """

    blobs: Mapping[str, Blob] = field(default_factory=dict)
    past: Mapping[str, frozenset[str]] = field(default_factory=dict)
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    ended: tuple[tuple[str, str], ...] = ()
    seen: frozenset[str] = frozenset()

    def wrote(self, key: str, blob: Blob | None) -> ObjectsState:
        """The state after an object was written, or deleted."""
        before, past, blobs = self.blobs.get(key), self.past, dict(self.blobs)
        if before is not None and before.version is not None:
            past = {**past, key: past.get(key, frozenset()) | {before.version}}
        blobs.pop(key, None)
        if blob is not None:
            blobs[key] = blob
        return replace(self, blobs=blobs, past=past, seen=self.seen | {key})

    def written(self, key: str, blob: Blob, answer: object, about: str) -> ObjectsState:
        """The state after a write that answered a version."""
        before, done = self.blobs.get(key), self.wrote(key, blob)
        if answer is NO_ANSWER:
            return done
        that(before is None or before.version != answer, f"{about}: it keeps its version")
        return done.versioned(key, answer, about)

    def versioned(self, key: str, version: object, about: str) -> ObjectsState:
        """The state with what was told of a version."""
        blob = self.blobs[key]
        that(isinstance(version, str) and version, f"{about}: its version is {version!r}")
        if blob.version is not None:
            equal(blob.version, version, f"{about}: its version")
            return self
        that(version not in self.past.get(key, ()), f"{about}: it has an older version again")
        told = replace(blob, version=str(version))
        return replace(self, blobs={**self.blobs, key: told})

    def refusal(self, key: str, version: str | None, *, absent: bool) -> Failed | None:
        """How a write under these conditions is refused, as far as versions are known."""
        blob = self.blobs.get(key)
        if absent:
            return None if blob is None else _EXISTS
        if version is None:
            return None
        if blob is None:
            return CONFLICT
        if blob.version is None:
            return CONFLICT if version in self.past.get(key, ()) else None
        return None if blob.version == version else CONFLICT

    def refused(self, key: str, refusal: Failed | None, answer: object, about: str) -> bool:
        """Whether it was refused, and rightly.

        Raises:
            Broken: It was refused or done, and ought not to be.
        """
        failed = answer if isinstance(answer, Failed) else None
        blob = self.blobs.get(key)
        if failed == CONFLICT and refusal is None and blob is not None and not blob.version:
            return True  # nobody knew the version, so it may well be another
        if answer is not NO_ANSWER:
            equal(refusal, failed, about)
        return refusal is not None
