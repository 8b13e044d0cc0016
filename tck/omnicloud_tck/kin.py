"""Names that stand in each other's way, and payloads that look as if a store had coded them."""

from __future__ import annotations

__all__ = ["CODED_ALIKE", "ENDINGS", "kin_of"]

ENDINGS = (
    *(":token", ":meta", ":lock", ":seq", ":version", ":1", ":"),
    *(".lock", ".meta", ".tmp", ".json", "-seq", "-lock", "#1", "@1", "/.meta", "/0", "{a}", "~"),
)
"""What a store puts behind a name for a counter, a lock, a version or a part beside it."""


def kin_of(name: str) -> tuple[str, ...]:
    """The name, the same with each of the endings, and others that differ from it by little.

    Beyond the basic plane, in blanks at an end, or in what is within or without braces.
    """
    return (
        name,
        *(name + ending for ending in ENDINGS),
        *(f"{name}\U0001f363", f"{name}\U0001f37a", f"\U0001f363{name}", f"\U0001f37a{name}"),
        *(f"{name} ", f"{name}  ", f"{name}\u00a0", f"{{{name}}}", f"{{{name}}}1", f"{{{name}}}2"),
    )


CODED_ALIKE: tuple[bytes, ...] = (
    *(b"base64:aGVsbG8=", b"base64:", b"b64:aGk=", b"data:;base64,aGk=", b"=?utf-8?B?aGk=?="),
    *(b'json:{"a": 1}', b"json:1", b"text:hi", b"str:hi", b"bytes:hi", b"utf-8:hi", b"hex:6869"),
    *(b"gzip:H4sI", b"zlib:eJw=", b"zstd:hi", b"enc:v1:aGk=", b"enc:aGk=", b"$binary", b"~hi"),
    *(b"\x1f\x8b", b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"b'hi'", b'b"hi"', b"'hi'", b"u'hi'"),
    *(b"0x4142", b"\\x4142", b"x'4142'", b"%41%42", b"&amp;&#65;", b"\\u0041\\n", b"=41=\n"),
    *(b"!!binary aGk=", b"__bytes__:hi", b"\x00json", b"\x01hi", b"\x80\x04.", b"pickle:hi"),
)
"""Payloads that begin, or look, like what a store makes of others: of bytes, or of long ones."""
