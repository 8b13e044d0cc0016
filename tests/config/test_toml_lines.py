"""Lines of keys in TOML texts of every shape."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnicloud.config.problems import Path
from omnicloud.config.toml_lines import ScanError, defined

TEXT = """\
# a comment = with a key
top = 1
"quoted key" = "a # no comment"  # [not.a.header]
'literal.key' = '\\no escape'
site."google.com".port = 80

[services.orders] # trailing
contract = "kv"
url = \"\"\"
[services.fake]
key = "in a string"
\"\"\"
hosts = [ # inside
  "a", # "b",
  { name = "x", port = 1 },
  ["nested", "]"],
]
retry = { attempts = 3, "max backoff" = 2.5, inner.deep = true }
literal = '''
x = 1 \\'''

[[queue]]
name = "one"
[[queue]]
name = "two"
[queue.options]
size = 2
[[queue.workers]]
id = 1
[ "spaced" . 'table' ]
when = 1979-05-27 07:32:00
"\\u00e9" = inf
"""


def lines() -> dict[Path, int]:
    return {one.path: one.line for one in defined(TEXT)}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("literal.key",), 4),
        (("site", "google.com", "port"), 5),
        (("services", "orders"), 7),
        (("services", "orders", "contract"), 8),
        (("services", "orders", "url"), 9),
        (("services", "orders", "hosts"), 13),
        (("services", "orders", "hosts", 1, "name"), 15),
        (("services", "orders", "hosts", 1, "port"), 15),
        (("services", "orders", "retry"), 18),
        (("services", "orders", "retry", "max backoff"), 18),
        (("services", "orders", "retry", "inner", "deep"), 18),
        (("services", "orders", "literal"), 19),
        (("queue", 0), 22),
        (("queue", 0, "name"), 23),
        (("queue", 1), 24),
        (("queue", 1, "name"), 25),
        (("queue", 1, "options"), 26),
        (("queue", 1, "options", "size"), 27),
        (("queue", 1, "workers", 0, "id"), 29),
        (("spaced", "table"), 30),
        (("spaced", "table", "when"), 31),
        (("spaced", "table", "é"), 32),
    ],
)
def test_every_key_is_found_on_its_line(path: Path, line: int) -> None:
    assert lines()[path] == line


def test_nothing_else_is_found_and_each_path_leads_to_a_value() -> None:
    document = tomllib.loads(TEXT)
    for path in lines():
        value: object = document
        for step in path:
            value = value[step]  # type: ignore[index]  # a path leads through tables and arrays
    assert ("services", "fake") not in lines()
    assert len(lines()) == 26


def test_line_ends_of_windows_count_once() -> None:
    found = defined('a = 1\r\n\r\n[b]\r\nc = "x"\r\n')
    assert [(one.path, one.line) for one in found] == [(("a",), 1), (("b",), 3), (("b", "c"), 4)]


def test_a_key_defined_twice_is_found_twice() -> None:
    assert [one.line for one in defined("[a]\nx = 1\n[b]\n[a]\n") if one.path == ("a",)] == [1, 4]


def test_quotes_next_to_the_closing_quotes_belong_to_the_string() -> None:
    text = 'a = """x"""""\nb = \'\'\'y\'\'\'\'\nc = ""\n'
    tomllib.loads(text)
    assert [(one.path, one.line) for one in defined(text)] == [
        (("a",), 1),
        (("b",), 2),
        (("c",), 3),
    ]


@pytest.mark.parametrize("text", ["a", "= 1", "[a", "a = ", 'a = "', "a = [1", "a = {b", "[a]]x"])
def test_what_is_no_toml_ends_in_an_error(text: str) -> None:
    with pytest.raises(ScanError):
        defined(text)


@given(st.text(alphabet="ab.=[]{}\"'#,\n \\1", max_size=40))
def test_the_scanner_ends_on_any_text_and_accepts_what_tomllib_accepts(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        document = None
    try:
        found = defined(text)
    except ScanError:
        assert document is None
        return
    if document is not None:
        assert {one.path[0] for one in found} == set(document)
