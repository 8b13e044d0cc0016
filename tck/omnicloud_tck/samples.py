"""Names and payloads that providers have stumbled over."""

from __future__ import annotations

import gzip
import zlib

from omnicloud_tck.kin import CODED_ALIKE, kin_of

__all__ = [
    "DRAWN_PAYLOADS",
    "HASHED_ALIKE",
    "LONG_ALIKE",
    "NAMES",
    "PARSED_ALIKE",
    "PAYLOADS",
    "SEPARATED_ALIKE",
    "TENANTS",
    "TYPED_ALIKE",
    "look_alikes",
]

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
    "round(and)<angle>",
    "at@bang!pipe|caret^",
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

DRAWN_PAYLOADS: tuple[bytes, ...] = (
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
    b"\xef\xbb\xbfafter a byte order mark",
    b"\xfe\xff\0u\0t\0f",
    "cafe\u0301 \ufb01 \u212a \u0130".encode(),
    b"\xed\xa0\x80 half a pair",
    b"line\nfeed\rreturn\x0b\x0c\x85\xe2\x80\xa8end\n",
    b"007",
    b"1e3",
    b"-0.0",
    b"true",
    b'"quoted"',
    b"%41 &amp; \\n +",
    b"aGVsbG8=",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03 not gzip",
    gzip.compress(b"packed", mtime=0),
    zlib.compress(b"packed"),
    b"\\x41c3",
    b"\x80\x04N.",
    b"ends with NUL\0\0",
    bytes(range(256)),
    b"a" * 4095 + b"b",
    bytes(range(256)) * 300,
)
"""Those of random programs."""

PARSED_ALIKE: tuple[str, ...] = (
    *('{"b": 1,  "a": 2}', "{ }", '{"a":1,"a":2}', '{"n": 1.0}', '{"e": "\\u00e9\\/"}'),
    *("[1, 2,\n 3]", "[ ]", '["a" ,null]', '"\\u0041"', "'quoted'", '"a","b"\r\n'),
    *("1.50", " 7", "7 ", "+7", "-0", "0x1F", "1_000", "1,000.00", "NaN", "-Infinity", "1E+2"),
    *("12345678901234567890", "0.1000000000000000055", "yes", "TRUE", "undefined", "~"),
    *("2024-02-29", "2024-02-29T12:00:00+02:00", "2024-02-29 12:00:00", "20240229T120000Z"),
    *("12:30", "P1DT0H", "507F1F77BCF86CD799439011", "6F9619FF-8B86-D011-B42D-00CF4FC964FF"),
    *("192.168.001.001", "::FFFF:1.2.3.4", "HTTP://Example.COM:80/%7euser/", "Ann <ANN@x.org>"),
    *("a: 1\nb: [x,  y]\n", "---\n- x\n...\n", "k = v ; c\n", "k=v&k=w&", "a%2fb%zz"),
    *("<a b=\"1\"  c='2'></a>", "<?xml version='1.0'?>\n<a/>", "&eacute;&#65;", "<b>x<script>"),
    *("$HOME ${HOME} %PATH%", "{{ x }} {0} %s %(x)s", "\x1b[31mred", "a\r\nb\rc\nd\t", "a\\\nb"),
    *(
        "-----BEGIN X-----\r\nQQ==\n-----END X-----\n",
        "QUJD\nREVG",
        "SGVsbG8",
        "QQ==\n",
        "data:,a%20b",
    ),
)
"""Texts that come back spelt otherwise from where they are parsed and written anew."""

PAYLOADS: tuple[bytes, ...] = (
    *DRAWN_PAYLOADS,
    *CODED_ALIKE,
    *(text.encode() for text in PARSED_ALIKE),
)
"""Payloads of 0 bytes to 75 KiB."""

TENANTS: tuple[str, ...] = (
    "acme",
    "ACME",
    "Acme",
    "acme ",
    " acme",
    "acme2",
    "acm",
    "acme/x",
    "acme%2Fx",
    "acme-x",
    "acme.x",
    "acme_x",
    "acme:x",
    "acme::x",
    "acme x",
    "acme+x",
    "acmex",
    "acme\0x",
    "~acme",
    "../acme",
    "..",
    ".",
    "*",
    "%",
    "caf\u00e9",
    "cafe\u0301",
    "cafe",
    "\ufb01rm",
    "firm",
    "\uff41cme",
    "\u212a",
    "K",
    "k",
    "1",
    "01",
    "None",
    "null",
    "default",
    "t" * 7 + "1",
    "t" * 8 + "1",
    "t" * 8 + "2",
    "t" * 63 + "1",
    "t" * 63 + "2",
    "t" * 127 + "1",
    "t" * 127 + "2",
    "\U0001f980" * 32,
)
"""Tenants that a careless fold, cut, join or escape would make one."""


HASHED_ALIKE: tuple[str, ...] = (
    *("plumless", "buckeroo", "codding", "gnu"),  # CRC-32
    *("costarring", "liquid", "declinate", "macallums"),  # FNV-1a, 32 bits
    *("creamwove", "quists"),  # FNV-1, 32 bits
    *("AaAa", "BBBB", "AaBB", "BBAa"),  # Java's hashCode
    *("hetairas", "mentioner", "dram", "vivency"),  # djb2
    *("playwright", "snush", "haggadot", "loathsomenesses"),  # djb2a
)
"""Names of which the usual hashes of 32 bits make pairs one."""


SEPARATED_ALIKE: tuple[str, ...] = tuple(
    f"part{between}part"
    for between in (
        *("/", "//", "/./", "--", "__", "..", "::", "~~", "-", "_", ".", ":", "~", "|", "!", "="),
        *(",", "@", "#", "$", ";", "+", "%", " ", "\t", "\n", "\\", "->", "~1", "$2f", "!2f"),
        *("\u2215", "\u2044", "\uff0f", "%2F", "%2f", "%252F", "=2F", "_2F", "x2F", "-2f-"),
        *("&#47;", "\\u002f", "\\x2f"),
    )
)
"""Names that become one where a store has no slash, or no other sign, and writes another for it."""


TYPED_ALIKE: tuple[str, ...] = (
    *("7", "07", "007", "+7", "7.0", "7e0", "0x7", " 7", "7 ", "1000", "1e3", "1_000", "1,000"),
    *("true", "True", "TRUE", "yes", "null", "None", "NULL", "nil", "NaN", "nan", "-0", "0", "0.0"),
    *("507f1f77bcf86cd799439011", "507F1F77BCF86CD799439011"),  # an ObjectId
    "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "6F9619FF-8B86-D011-B42D-00CF4FC964FF",
    "{6f9619ff-8b86-d011-b42d-00cf4fc964ff}",
    "6f9619ff8b86d011b42d00cf4fc964ff",
    *("2024-02-29", "20240229", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
    *("9007199254740992", "9007199254740993", "18446744073709551616", "1" + 40 * "0"),
)
"""Names that become one where a store takes them for numbers, truths, dates or identifiers."""


LONG_ALIKE: tuple[str, ...] = tuple(
    f"{'k' * before}{other}{'k' * behind}"
    for before, behind in ((30, 100), (120, 120), (500, 500), (200, 800), (800, 200))
    for other in "12"
)
"""Pairs of long names that are one where only their ends, and their length, are kept."""


def look_alikes(prefix: str) -> tuple[str, ...]:
    """Pairs of names that a careless join, escape or cut makes one."""
    return (
        f"{prefix}a::b",
        f"{prefix}a:",
        f"{prefix}a",
        f"{prefix}a/b",
        f"{prefix}a//b",  # and the next three: one path, once it is made normal
        f"{prefix}a/./b",
        f"{prefix}a/x/../b",
        f"{prefix}a/b/",
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
        f"{prefix}plumless",  # of one CRC-32 with the next, whatever is before them
        f"{prefix}buckeroo",
        f"{prefix}AaBB",  # of one hashCode in Java with the next
        f"{prefix}BBAa",
        *kin_of(f"{prefix}k"),
    )
