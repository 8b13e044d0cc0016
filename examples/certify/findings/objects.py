"""Findings about libraries of stores of objects."""

from __future__ import annotations

from .model import Finding, Kind, laws

__all__ = ["OBJECTS"]

_OBSTORE = ("obstore-local", "obstore-memory")
_FSSPEC = ("fsspec-local", "fsspec-memory")
_PROGRAMS = laws("OBJ", 130, 131, 132, 133)
_PATHS = (*laws("G", 1, 2, 5, 6, 11, 91), *laws("OBJ", 3, 10, 11, 12, 14, 40), *_PROGRAMS)
_LONG = (*laws("G", 1, 2, 6, 80, 91, 96), *laws("OBJ", 131, 133, 140))
_FACTS = (
    *laws("OBJ", 5, 7, 12, 13, 22, 30, 35, 36, 70, 71, 73, 84, 115, 135, 137, 141),
    *_PROGRAMS,
)
_PARTS = (
    *laws("OBJ", 30, 31, 32, 35, 36, 77, 80, 81, 82, 84, 115, 116, 118, *range(134, 138)),
    *laws("OBJ", 140, 141, 142),
    *laws("G", 66, 85, 86, 92, 96, 107, 110),
    *_PROGRAMS,
)

OBJECTS: tuple[Finding, ...] = (
    Finding(
        _OBSTORE,
        _PATHS,
        Kind.ASKS_MORE,
        "Names are paths and normalised: two can be one object, and some are refused.",
        "obstore_names_are_normalised",
    ),
    Finding(
        ("obstore-local",),
        (*laws("OBJ", 3, 10, 11, 14, 40), *_LONG),
        Kind.ASKS_MORE,
        "A key that is another's folder, or long, cannot be written.",
        "obstore_local_keys_are_files",
    ),
    Finding(
        ("obstore-local",),
        _FACTS,
        Kind.ASKS_MORE,
        "A content type or metadata is refused.",
        "obstore_local_keeps_no_attributes",
    ),
    Finding(
        ("obstore-local",),
        laws("OBJ", 74, 130),
        Kind.ASKS_MORE,
        "A copy has the time at which its source was written; onto itself it is no write.",
        "obstore_local_copies_are_links",
    ),
    Finding(
        _OBSTORE,
        ("G-061", "OBJ-132"),
        Kind.ASKS_MORE,
        "A cancelled write goes on, and can undo a newer one that was acknowledged.",
        "obstore_cancelled_writes_land_later",
    ),
    Finding(
        _OBSTORE,
        ("OBJ-131",),
        Kind.ASKS_MORE,
        "A copy does not say which version it made.",
        "obstore_copies_tell_no_version",
    ),
    Finding(
        _OBSTORE,
        ("OBJ-130",),
        Kind.FAULT,
        "`delete` says of a path that is refused that it is no string.",
        "obstore_delete_calls_a_path_no_string",
    ),
    Finding(
        (*_OBSTORE, *_FSSPEC),
        _PARTS,
        Kind.ASKS_MORE,
        "There is no upload in parts that another process could go on with.",
        "objects_have_no_parts",
    ),
    Finding(
        _FSSPEC,
        _PATHS,
        Kind.ASKS_MORE,
        "Names are paths: two can be one object, and one can be in another's way.",
        "fsspec_keys_are_paths",
    ),
    Finding(
        _FSSPEC,
        _FACTS,
        Kind.ASKS_MORE,
        "There are no content types and no metadata.",
        "fsspec_keeps_no_metadata",
    ),
    Finding(
        _FSSPEC,
        laws("OBJ", 110, 131),
        Kind.ASKS_MORE,
        "A write does not say which version it made; it must be asked for afterwards.",
        "fsspec_writes_tell_no_version",
    ),
    Finding(
        ("fsspec-local",),
        _LONG,
        Kind.ASKS_MORE,
        "A long key cannot be written.",
        "fsspec_local_keys_are_files",
    ),
    Finding(
        ("fsspec-local",),
        laws("OBJ", 70, 130),
        Kind.ASKS_MORE,
        "A file cannot be copied onto itself.",
        "fsspec_local_refuses_a_copy_onto_itself",
    ),
    Finding(
        ("fsspec-local",),
        ("G-111", *laws("OBJ", 8, 110, 143)),
        Kind.ASKS_MORE,
        "A reader sees half of a write.",
        "fsspec_local_writes_are_seen_half",
    ),
)
