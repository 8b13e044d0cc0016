"""Findings about libraries of policies."""

from __future__ import annotations

from .model import Finding, Kind

__all__ = ["IAM"]

IAM: tuple[Finding, ...] = (
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
