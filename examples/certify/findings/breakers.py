"""Findings about libraries of circuit breakers."""

from __future__ import annotations

from .model import Finding, Kind, laws

__all__ = ["BREAKERS"]

_ALL = ("aiobreaker", "aiobreaker-unwrapped", "purgatory")
_TRIPPED = laws("BRK", *range(2, 6), *range(7, 10), *range(20, 29), 50)

BREAKERS: tuple[Finding, ...] = (
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
        _ALL,
        ("BRK-006", "BRK-027"),
        Kind.ASKS_MORE,
        "An excluded error begins the count anew, as a success does.",
        "breakers_excluded_errors_are_successes",
    ),
    Finding(
        _ALL,
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
)
