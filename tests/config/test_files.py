"""Configuration files: found where they should be, read with their lines, mistakes kept."""

from pathlib import Path

import pytest

from omnicloud.config.files import find_file, read_file


def written(directory: Path, text: str | bytes) -> Path:
    file = directory / "omnicloud.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_the_nearest_file_up_to_the_root_of_the_repository_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    assert find_file(inner, {}) is None
    outside = written(tmp_path, "")
    assert find_file(inner, {}) is None
    root = written(tmp_path / "repo", "")
    assert find_file(inner, {}) == root
    near = written(inner, "")
    assert find_file(inner, {}) == near
    assert find_file(tmp_path, {}) == outside


def test_outside_a_repository_only_the_directory_itself_is_looked_at(tmp_path: Path) -> None:
    inner = tmp_path / "a"
    inner.mkdir()
    written(tmp_path, "")
    assert find_file(inner, {}) is None


def test_the_variable_names_the_file(tmp_path: Path) -> None:
    written(tmp_path, "")
    assert find_file(tmp_path, {"OMNICLOUD_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")


def test_values_keep_their_file_and_line(tmp_path: Path) -> None:
    file = written(tmp_path, '[services.orders]\n\ncontract = "kv"\nretry.attempts = 3\n')
    tree, problems = read_file(file)
    assert not problems
    assert tree.at(("services", "orders", "retry", "attempts")) == 3
    assert str(tree.origin(("services", "orders", "contract"))) == f"{file}:3"
    assert tree.origin(("services", "orders", "retry")).line == 4
    assert tree.origin(("services", "orders", "not", "there")).line == 1
    assert tree.origin(("elsewhere",)).line is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = \n", 1, "is not TOML"),
        ("a = 1\nb = 'x\n", 2, "is not TOML"),
        (b"a = 1\n# \xff\n", 2, "is not UTF-8"),
        ("#" * (1 << 20) + "\n", None, "more than"),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_line(
    tmp_path: Path, text: str | bytes, line: int | None, words: str
) -> None:
    tree, problems = read_file(written(tmp_path, text))
    assert dict(tree.values) == {}
    assert [(one.origin.line, words in one.message) for one in problems] == [(line, True)]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    _, problems = read_file(tmp_path / "no.toml")
    assert "cannot be read" in str(problems[0])
    _, problems = read_file(tmp_path)
    assert "cannot be read" in str(problems[0])


def test_two_services_of_one_name_are_told_with_both_lines_and_the_rest_is_read(
    tmp_path: Path,
) -> None:
    text = "[services.a]\nx = 1\n[services.b]\ny = 1\ny = 2\n[services.a]\nx = 2\n[services.c]\n"
    tree, problems = read_file(written(tmp_path, text))
    assert [(one.path, one.origin.line) for one in problems] == [
        ("services.b.y", 5),
        ("services.a", 6),
    ]
    assert "lines 1 and 6" in problems[1].message
    assert tree.values == {"services": {"a": {"x": 1}, "b": {"y": 1}, "c": {}}}
    assert tree.origin(("services", "a", "x")).line == 2
    assert tree.origin(("services", "c")).line == 8


def test_a_duplicate_inside_an_inline_table_is_told_with_both_lines(tmp_path: Path) -> None:
    _, problems = read_file(written(tmp_path, "a = { x = 1,\n x = 2 }\n"))
    assert any(one.path == "a.x" and "lines 1 and 2" in one.message for one in problems)
