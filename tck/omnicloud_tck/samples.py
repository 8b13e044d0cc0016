"""Names and payloads that providers have stumbled over."""

from __future__ import annotations

__all__ = ["NAMES", "PAYLOADS", "look_alikes"]

NAMES: tuple[str, ...] = (
    "plain",
    "with space",
    "a/b/c",
    "/leading",
    "trailing/",
    "double//slash",
    "../climb",
    "a/../b",
    "./here",
    ".",
    "..",
    "%2e%2e%2fclimb",
    "100%",
    "a%20b",
    "plus+and&amp;?#=",
    "back\\slash",
    "C:\\con",
    "nul\0inside",
    "new\nline\ttab\r",
    "\x01\x7f",
    "quote'\"`",
    "semi;colon,comma",
    "star*and?and[brackets]",
    "per_cent%like_",
    "colon::pair:",
    "dollar$and.dot",
    "~tilde",
    "~~two",
    "~acme/inside",
    "UPPER",
    "upper",
    "cafe\u0301",
    "caf\u00e9",
    "\ufb01ligature",
    "filigature",
    "\u202eright to left",
    "\ufeffbyte order mark",
    "emoji 🦀🏳️‍🌈",
    "日本語",
    "-dash-first",
    " space around ",
    "None",
    "null",
    "0",
    "__proto__",
    "x" * 1023 + "y",
    "x" * 1024,
    "é" * 512,
    "🦀" * 256,
)
"""Names of 1 to 1,024 bytes of UTF-8, each a name of its own."""

PAYLOADS: tuple[bytes, ...] = (
    b"",
    b"\0",
    b"0",
    b"before\0after",
    b"\r\n\r\n",
    b" around \n",
    b"\xff\xfe not utf-8 \x80",
    b"None",
    b"null",
    b'{"json": true}',
    "üñí🦀".encode(),
    bytes(range(256)),
    b"a" * 4095 + b"b",
    bytes(range(256)) * 300,
)
"""Payloads of 0 bytes to 75 KiB."""


def look_alikes(prefix: str) -> tuple[str, ...]:
    """Pairs of names that a careless join, escape or cut makes one."""
    return (
        f"{prefix}a::b",
        f"{prefix}a:",
        f"{prefix}a",
        f"{prefix}a/b",
        f"{prefix}a%2Fb",
        f"{prefix}a%252Fb",
        f"{prefix}a b",
        f"{prefix}a+b",
        f"{prefix}a_b",
        f"{prefix}a-b",
        f"{prefix}a\\b",
        f"{prefix}A",
        f"{prefix}a\0",
        f"{prefix}a ",
        f"{prefix}{'k' * 900}1",
        f"{prefix}{'k' * 900}2",
    )
