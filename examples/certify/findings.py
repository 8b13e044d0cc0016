"""What broken laws come down to: whose each is, and the script that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

__all__ = ["FINDINGS", "SHOWS", "Finding", "Kind", "explained"]

SHOWS = Path(__file__).parent / "shows"


class Kind(Enum):
    """Whose it is that a law is broken."""

    FAULT = "a fault"
    """The library does not do what it says, or what nobody could want."""
    ASKS_MORE = "the contract asks more"
    """The library never promised it."""
    KIT = "the law is too strict here"
    """The library does what the contract says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause of broken laws.

    Attributes:
        subjects: Which libraries show it.
        laws: Which laws it breaks, any of those; none where no law met it.
        said: What the library does, in one sentence.
        show: The script, without its ending; empty for what is the kit's.
    """

    subjects: tuple[str, ...]
    laws: tuple[str, ...]
    kind: Kind
    said: str
    show: str = ""

    @property
    def script(self) -> Path:
        """Where the script is."""
        return SHOWS / f"{self.show}.py"


_OBSTORE = ("obstore-local", "obstore-memory")
_FSSPEC = ("fsspec-local", "fsspec-memory")
_CASHEWS = ("cashews-memory", "cashews-disk")
_BREAKERS = ("aiobreaker", "aiobreaker-unwrapped", "purgatory")
_PATHS = ("G-001", "G-002", "G-005", "G-011", "OBJ-003", "OBJ-010", "OBJ-011", "OBJ-014", "OBJ-040")
_FACTS = tuple(f"OBJ-{number:03}" for number in (5, 7, 12, 13, 22, 36, 70, 71, 73))
_PARTS = tuple(f"OBJ-{number:03}" for number in (30, 31, 32, 35, 36, 77, 80, 81, 82, 84))
_TRIPPED = tuple(
    f"BRK-{number:03}" for number in (2, 3, 4, 5, 7, 8, 9, 20, 21, 22, 23, 24, 25, 26, 27, 28, 50)
)
_ENDS = ("LO-002", "LO-003", "LO-004", "LO-020", "LO-021", "LO-090", "LO-121")
_LEASES = tuple(f"MS-{number:03}" for number in (10, 11, 13, 30, 31, 32, 33, 39, 125, 126, 127))

FINDINGS: tuple[Finding, ...] = (
    Finding(
        ("key-value-memory",),
        ("KV-020",),
        Kind.FAULT,
        "Expired entries are never freed: `keys` lists them, `delete` says one was there.",
        "key_value_memory_keeps_the_expired",
    ),
    Finding(
        ("aiocache",),
        (),
        Kind.FAULT,
        "A timer of before `clear` deletes what is written under its key afterwards.",
        "aiocache_clear_leaves_timers",
    ),
    Finding(
        ("aiocache",),
        ("CA-010", "CA-120", "CA-123"),
        Kind.ASKS_MORE,
        "How long an entry has to live cannot be asked.",
        "aiocache_time_left_untold",
    ),
    Finding(
        ("aiocache", *_CASHEWS),
        ("CA-022",),
        Kind.ASKS_MORE,
        "Clearing goes by a prefix or a pattern, and takes all that begins so.",
        "caches_clear_by_prefix_alone",
    ),
    Finding(
        _CASHEWS,
        ("CA-012", "CA-124"),
        Kind.FAULT,
        "A value set without a time to live takes over the end of the one before.",
        "cashews_set_keeps_the_old_end",
    ),
    Finding(
        ("cashews-memory",),
        ("CA-020", "CA-090", "CA-120", "CA-123", "CA-124", "CA-126"),
        Kind.FAULT,
        "`expire` makes a value of bytes unreadable.",
        "cashews_expire_loses_the_value",
    ),
    Finding(
        _CASHEWS,
        ("CA-021",),
        Kind.FAULT,
        "`delete_match` reads every sign of a pattern as one of a regular expression.",
        "cashews_patterns_are_regular_expressions",
    ),
    Finding(
        _CASHEWS,
        ("CA-010",),
        Kind.ASKS_MORE,
        "The time left is told in whole seconds.",
        "cashews_time_left_in_whole_seconds",
    ),
    Finding(
        ("cashews-memory",),
        ("CA-016",),
        Kind.KIT,
        "Expired entries are swept once a second, and the law waits for no longer than that.",
    ),
    Finding(
        ("cashews-disk",),
        ("G-061",),
        Kind.ASKS_MORE,
        "A cancelled write goes on, and can undo a newer one that was acknowledged.",
        "cashews_cancelled_writes_land_later",
    ),
    Finding(
        ("aiobreaker",),
        _TRIPPED,
        Kind.FAULT,
        "The call that trips the circuit raises the breaker's error, not its own.",
        "aiobreaker_replaces_the_last_error",
    ),
    Finding(
        ("aiobreaker-unwrapped",),
        ("BRK-023",),
        Kind.FAULT,
        "A half-open circuit lets every call pass, not one.",
        "aiobreaker_half_open_lets_all_pass",
    ),
    Finding(
        ("aiobreaker-unwrapped",),
        ("BRK-025", "BRK-028"),
        Kind.ASKS_MORE,
        "A call of before the trip, or a reset, that fails late opens the circuit anew.",
        "aiobreaker_late_failures_count",
    ),
    Finding(
        _BREAKERS,
        ("BRK-006", "BRK-027"),
        Kind.ASKS_MORE,
        "An excluded error begins the count anew, as a success does.",
        "breakers_excluded_errors_are_successes",
    ),
    Finding(
        _BREAKERS,
        ("BRK-011", "BRK-012", "BRK-046"),
        Kind.ASKS_MORE,
        "There is no failure rate, no rate of slow calls, and nothing to close.",
        "breakers_have_no_rates_and_no_close",
    ),
    Finding(
        ("purgatory",),
        ("BRK-028", "BRK-050"),
        Kind.ASKS_MORE,
        "There is no reset.",
        "breakers_have_no_rates_and_no_close",
    ),
    Finding(
        ("purgatory",),
        ("BRK-007", "BRK-024", "BRK-050"),
        Kind.FAULT,
        "A call that its caller cancels counts as a failure of the dependency.",
        "purgatory_cancelled_calls_open_the_circuit",
    ),
    Finding(
        ("purgatory",),
        ("BRK-023",),
        Kind.ASKS_MORE,
        "A half-open circuit lets every call pass, not one.",
        "purgatory_half_open_lets_all_pass",
    ),
    Finding(
        ("purgatory",),
        ("BRK-025",),
        Kind.ASKS_MORE,
        "Calls of before the trip that fail late open the circuit anew.",
        "purgatory_late_failures_count",
    ),
    Finding(
        _OBSTORE,
        (*_PATHS, "OBJ-012"),
        Kind.ASKS_MORE,
        "Names are paths and normalised: two can be one object, and some are refused.",
        "obstore_names_are_normalised",
    ),
    Finding(
        ("obstore-local",),
        ("G-001", "G-002", "OBJ-003", "OBJ-010", "OBJ-011", "OBJ-014", "OBJ-040"),
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
        ("OBJ-074",),
        Kind.ASKS_MORE,
        "A copy has the time at which its source was written.",
        "obstore_local_copies_are_links",
    ),
    Finding(
        _OBSTORE,
        ("G-061",),
        Kind.ASKS_MORE,
        "A cancelled write goes on, and can undo a newer one that was acknowledged.",
        "obstore_cancelled_writes_land_later",
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
        ("fsspec-local",),
        ("OBJ-008", "OBJ-110"),
        Kind.ASKS_MORE,
        "A reader sees half of a write.",
        "fsspec_local_writes_are_seen_half",
    ),
    Finding(
        ("redis-lock",),
        ("LO-022", "LO-090"),
        Kind.ASKS_MORE,
        "Repeated with the same token, an acquisition is refused.",
        "redis_lock_refuses_its_holder",
    ),
    Finding(
        ("filelock",),
        _ENDS,
        Kind.ASKS_MORE,
        "A lock of the operating system has no time to live.",
        "filelock_has_no_time_to_live",
    ),
    Finding(
        ("litequeue",),
        _LEASES,
        Kind.ASKS_MORE,
        "There are no leases, no counted attempts, and no delay before the next one.",
        "litequeue_has_no_leases_or_attempts",
    ),
    Finding(
        ("litequeue",),
        ("MS-110",),
        Kind.FAULT,
        "A receipt is good for ever: a late `retry` takes the message from who holds it now.",
        "litequeue_retry_takes_from_the_holder",
    ),
    Finding(
        ("persist-queue",),
        _LEASES,
        Kind.ASKS_MORE,
        "There are no leases, no counted attempts, and no delay before the next one.",
        "persistqueue_has_no_leases_or_attempts",
    ),
    Finding(
        ("persist-queue",),
        ("MS-110",),
        Kind.FAULT,
        "A receipt is good for ever: a late `nack` takes the item from who holds it now.",
        "persistqueue_nack_takes_from_the_holder",
    ),
    Finding(
        ("persist-queue",),
        ("G-043",),
        Kind.KIT,
        "A queue is an object with open files, and the law counts those of topics that are new.",
    ),
    Finding(
        ("casbin",),
        ("IAM-001", "IAM-050"),
        Kind.FAULT,
        "Without policies it allows whatever the matcher lets match an empty text.",
        "casbin_without_policies_allows",
    ),
    Finding(
        ("casbin",),
        ("IAM-020", "IAM-060", "IAM-066"),
        Kind.ASKS_MORE,
        "Groups are roles that are stored, not facts of a request.",
        "casbin_groups_are_stored",
    ),
    Finding(
        ("casbin",),
        ("IAM-035",),
        Kind.ASKS_MORE,
        "A pattern with several stars makes a decision slow.",
        "casbin_patterns_may_be_slow",
    ),
)


def explained(subject: str, law: str) -> list[Finding]:
    """What is known about a law that a library broke."""
    return [one for one in FINDINGS if subject in one.subjects and law in one.laws]
