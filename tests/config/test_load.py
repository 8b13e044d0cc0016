"""Sources over sources, and the shape of what they say."""

from pathlib import Path
from typing import Any

import pytest

from omnicloud.config.load import Configuration, gather, interpret, load
from omnicloud.config.problems import Origin, Problem, did_you_mean, dotted
from omnicloud.config.secret_refs import SecretRef, references, replaced
from omnicloud.errors import InvalidArgumentError


def messages(config: Configuration) -> dict[str, str]:
    return {one.path: f"{one.message}; {one.hint}" for one in config.problems}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "omnicloud.toml"
    file.write_text(
        '[services.orders]\ncontract = "kv"\nprovider = "redis"\nurl = "one"\nhosts = ["a", "b"]\n'
        '[services.audit-log]\ncontract = "kv"\nprovider = "redis"\n'
    )
    return file


def test_the_environment_wins_over_the_file_and_says_so(file: Path) -> None:
    config = load(
        file,
        environ={
            "OMNICLOUD_SERVICES__ORDERS__URL": "two",
            "omnicloud_services__audit_log__url": "three",
            "OMNICLOUD_SERVICES__ORDERS__HOSTS": '["c"]',
            "OMNICLOUD_SERVICES__ORDERS__RETRY__ATTEMPTS": "7",
            "OMNICLOUD_BLOCKED": "nats, s3",
            "OMNICLOUD_LOCAL_PATH": "not ours",
            "HOME": "/root",
        },
    )
    assert not config.problems
    orders = config.services["orders"]
    assert orders.options == {"url": "two", "hosts": ["c"]}
    assert orders.settings.retry.attempts == 7
    assert config.services["audit-log"].options == {"url": "three"}
    assert config.blocked == {"nats", "s3"}
    tree = config.tree
    assert tree.origin(("services", "orders", "url")) == Origin("OMNICLOUD_SERVICES__ORDERS__URL")
    assert tree.origin(("services", "orders", "hosts", 0)).source.endswith("HOSTS")
    assert tree.origin(("services", "orders", "provider")) == Origin(str(file), 3)
    assert tree.origin(("services", "orders")) == Origin(str(file), 1)


def test_a_mapping_wins_over_all_and_alone_reads_nothing_else(file: Path) -> None:
    said = {"services": {"orders": {"url": "four"}}}
    environ = {"OMNICLOUD_SERVICES__ORDERS__URL": "two"}
    config = interpret(*gather(file=file, environ=environ, mapping=said))
    assert config.services["orders"].options["url"] == "four"
    assert config.tree.origin(("services", "orders", "url")) == Origin("mapping")
    assert not load({}, environ=environ).services


@pytest.mark.parametrize("config", [3, b"omnicloud.toml", ["omnicloud.toml"]])
def test_what_is_neither_a_path_nor_a_mapping_is_refused_by_its_type(config: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=f"not {type(config).__name__}"):
        load(config, environ={})


def test_variables_that_can_be_nothing_are_problems(tmp_path: Path) -> None:
    environ = {
        "OMNICLOUD_SERVCES__ORDERS__URL": "x",
        "OMNICLOUD_SERVICES__A": "x",
        "OMNICLOUD_SERVICES__A__URL": "y",
        "OMNICLOUD_SERVICES__": "x",
    }
    config = load(environ=environ, directory=tmp_path)
    told = {one.origin.source: str(one) for one in config.problems}
    assert "did you mean 'SERVICES'?" in told["OMNICLOUD_SERVCES__ORDERS__URL"]
    assert "keep one of them" in told["OMNICLOUD_SERVICES__A__URL"]
    assert "OMNICLOUD_SERVICES__" in told


def test_with_nothing_configured_every_name_is_served_by_local(tmp_path: Path) -> None:
    assert load(environ={}, directory=tmp_path).defaults.provider == "local"
    only_blocked = load(environ={"OMNICLOUD_BLOCKED": "s3"}, directory=tmp_path)
    assert only_blocked.defaults.provider == "local"
    other = load(environ={"OMNICLOUD_DEFAULTS__PROVIDER": "memory"}, directory=tmp_path)
    assert other.defaults.provider == "memory"
    (tmp_path / "omnicloud.toml").write_text("")
    assert load(environ={}, directory=tmp_path).defaults.provider is None
    assert load({}).defaults.provider is None


def test_every_mistake_of_shape_is_found_at_once() -> None:
    config = load(
        {
            "servics": {},
            "blocked": "redis",
            "layers": {"disabel": []},
            "defaults": {"timeout": -1},
            "policies": {"p": {"residency": {"alow": []}, "encryption": {}}},
            "services": {
                "a": {"contract": 3, "provider": "redis", "timeout": "soon"},
                "b": {"retry": {"atempts": 3}, "requires": [1]},
                "c": "kv",
            },
        }
    )
    told = messages(config)
    assert set(told) == {
        "servics",
        "blocked",
        "layers.disabel",
        "defaults.timeout",
        "policies.p.residency.alow",
        "policies.p.encryption.key",
        "services.a.contract",
        "services.a.timeout",
        "services.b.contract",
        "services.b.provider",
        "services.b.retry.atempts",
        "services.b.requires[0]",
        "services.c",
    }
    assert "did you mean 'services'?" in told["servics"]
    assert "did you mean 'attempts'?" in told["services.b.retry.atempts"]
    assert "did you mean 'allow'?" in told["policies.p.residency.alow"]


def test_no_value_is_in_a_problem() -> None:
    config = load({"services": {"a": {"contract": "kv", "timeout": "hunter2", "region": ""}}})
    assert config.problems
    assert "hunter2" not in str(config.problems)


def test_references_are_found_and_replaced_by_their_places() -> None:
    options = {"a": "secret:x", "b": [{"c": "secret:vault/db/pw"}, "plain"], "d": 1}
    found = dict(references(options))
    assert found == {("a",): SecretRef(None, "x"), ("b", 0, "c"): SecretRef("vault", "db/pw")}
    values = {("a",): "1", ("b", 0, "c"): "2"}
    assert replaced(options, values) == {"a": "1", "b": [{"c": "2"}, "plain"], "d": 1}
    assert [str(one) for one in found.values()] == ["secret:x", "secret:vault/db/pw"]


def test_paths_and_hints_are_told_in_words() -> None:
    assert dotted(("services", "a.b", "hosts", 0)) == 'services."a.b".hosts[0]'
    assert did_you_mean("x", ()) == "there is none"
    assert did_you_mean("zzz", ("b", "a")) == "it can be: a, b"
    assert did_you_mean("kw", ("kv", "locks")) == "did you mean 'kv'?"
    assert did_you_mean("options", ("max_connections",)) == "it can be: max_connections"
    problem = Problem("services.a", "is wrong", "mend it", Origin("f.toml", 3))
    assert str(problem) == "f.toml:3: services.a: is wrong; mend it"


def test_a_misspelt_key_that_must_be_there_is_named() -> None:
    said = {"services": {"orders": {"contrat": "kv", "provder": "local"}}}
    told = messages(load(said))
    assert told["services.orders.contract"] == "is missing; rename 'contrat' to 'contract'"
    assert told["services.orders.provider"] == "is missing; rename 'provder' to 'provider'"


def test_a_service_that_is_no_table_is_one_mistake() -> None:
    assert list(messages(load({"services": {"orders": "local"}}))) == ["services.orders"]


def test_a_service_needs_a_name() -> None:
    said = {"services": {"": {"contract": "kv", "provider": "local"}}}
    assert [one.message for one in load(said).problems] == ["the service's name is empty"]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("requires", "ttl", 'must be a list; write requires = ["…"]; in a variable a list is JSON'),
        ("retry", "3", "must be a table; write retry = { … }; in a variable a table is JSON"),
        ("timeout", "10s", "must be a number; seconds, as in 2.5"),
        ("provider", 3, "must be text; "),
    ],
)
def test_a_value_of_a_wrong_kind_is_told_in_words_of_toml(
    key: str, value: object, told: str
) -> None:
    service = {"contract": "kv", "provider": "local", key: value}
    assert messages(load({"services": {"orders": service}})) == {f"services.orders.{key}": told}
