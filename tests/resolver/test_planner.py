"""The table of wrong configurations: all mistakes at once, with their lines, nothing opened."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from omnicloud.config.load import load
from omnicloud.config.problems import ConfigurationProblems, Problem
from omnicloud.contracts.kv import KVFeature
from omnicloud.contracts.secrets import SecretsFeature
from omnicloud.registry.discovery import Registry
from omnicloud.registry.hookspecs import hookimpl
from omnicloud.registry.provider import Offer, Provider
from omnicloud.resolver.plan import Plan
from omnicloud.resolver.planner import make_plan


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = "x://"
    port: int = Field(default=1, le=65535)
    password: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _has_scheme(cls, value: str) -> str:
        if "://" not in value:
            raise ValueError("must be a URL with a scheme")
        return value


OPENS = "nowhere.that.exists:open"


class Plugin:
    @hookimpl
    def omnicloud_providers(self) -> list[Provider]:
        config = f"{__name__}:Options"
        kv = Offer(OPENS, frozenset({KVFeature.TTL, KVFeature.SCAN}))
        strong = Offer(OPENS, frozenset(KVFeature))
        secrets = Offer(OPENS, frozenset({SecretsFeature.WATCH}))
        return [
            Provider("weak", config, {"kv": kv}),
            Provider("strong", config, {"kv": strong}),
            Provider("vault", config, {"secrets": secrets}),
        ]


REGISTRY = Registry.of(Plugin())


def plan_of(text: str, tmp_path: Path, registry: Registry = REGISTRY) -> Plan:
    file = tmp_path / "omnicloud.toml"
    file.write_text(text)
    return make_plan(load(file, environ={}), registry)


def problems_in(text: str, tmp_path: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationProblems) as caught:
        plan_of(text, tmp_path)
    return caught.value.problems


WRONG = """\
[services.orders]
contract = "kv"
provider = "weka"

[services.carts]
contract = "kv"
provider = "strong"
urll = "x://"

[services.stock]
contract = "kv"
provider = "strong"
port = "eighty"

[services.users]
contract = "kv"
provider = "weak"
requires = ["scan", "compare_and_set", "tll"]

[services.users]
contract = "kv"
provider = "strong"

[services.one]
contract = "secrets"
provider = "vault"
password = "secret:two/pw"

[services.two]
contract = "secrets"
provider = "vault"
password = "secret:one/pw"

[services.paid]
contract = "kv"
provider = "strong"
password = "secret:pw"

[services.far]
contract = "kv"
provider = "redis"

[services.odd]
contract = "secrets"
provider = "weak"

[services.typo]
contract = "kw"
provider = "strong"

[policies.default]
residency = { allow = ["eu-*"] }

[layers]
disable = ["retyr"]
"""


def test_a_wrong_configuration_tells_all_its_mistakes_at_once(tmp_path: Path) -> None:
    told = [
        (one.origin.line, one.path, f"{one.message}; {one.hint}")
        for one in problems_in(WRONG, tmp_path)
    ]
    expected = [
        (3, "services.orders.provider", "did you mean 'weak'?"),
        (8, "services.carts.urll", "unknown key; did you mean 'url'?"),
        (13, "services.stock.port", "must be a whole number"),
        (18, "services.users.requires", "did you mean 'ttl'?"),
        (18, "services.users.requires", "'weak' does not declare the feature 'compare_and_set'"),
        (20, "services.users", "defined twice, on lines 15 and 20"),
        (24, "services.one", "one needs two needs one"),
        (37, "services.paid.password", "may be in any of odd, one, two"),
        (41, "services.far.provider", "pip install omnicloud-redis"),
        (45, "services.odd.provider", "does not serve secrets, it serves kv"),
        (48, "services.typo.contract", "did you mean 'kv'?"),
        (52, "policies.default.residency", "not available in this version"),
        (55, "layers.disable", "did you mean 'retry'?"),
    ]
    assert [(line, path) for line, path, _ in told] == [(line, path) for line, path, _ in expected]
    for (_, _, text), (_, _, words) in zip(told, expected, strict=True):
        assert words in text


def test_the_error_says_each_mistake_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblems) as caught:
        plan_of('[services.a]\ncontract = "kv"\nprovider = "weak"\nx = 1\n', tmp_path)
    text = str(caught.value)
    assert "1 mistake:" in text
    assert f"{tmp_path / 'omnicloud.toml'}:4: services.a.x: unknown key" in text
    assert caught.value.problems[0].as_json() == {
        "source": str(tmp_path / "omnicloud.toml"),
        "line": 4,
        "path": "services.a.x",
        "message": "unknown key",
        "hint": caught.value.problems[0].hint,
    }


def test_an_unknown_key_may_be_meant_for_us_as_well_as_for_the_provider(tmp_path: Path) -> None:
    text = '[services.a]\ncontract = "kv"\nprovider = "weak"\nrequire = ["ttl"]\n'
    assert problems_in(text, tmp_path)[0].hint == "did you mean 'requires'?"


def test_a_secret_without_any_secrets_service_is_missing_at_plan(tmp_path: Path) -> None:
    text = '[services.a]\ncontract = "kv"\nprovider = "weak"\npassword = "secret:pw"\n'
    (problem,) = problems_in(text, tmp_path)
    assert (problem.path, problem.origin.line) == ("services.a.password", 4)
    assert "is missing: no secrets service is configured" in problem.message


VAULT = '[services.vault]\ncontract = "secrets"\nprovider = "vault"\n'


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("secret:", "lacks a name"),
        ("secret:/x", "lacks a name"),
        ("secret:valt/pw", "did you mean 'vault'?"),
        ("secret:a/pw", "no secrets service 'a'"),
    ],
)
def test_references_that_lead_nowhere_are_problems(
    tmp_path: Path, reference: str, words: str
) -> None:
    text = f'{VAULT}[services.a]\ncontract = "kv"\nprovider = "weak"\npassword = "{reference}"\n'
    (problem,) = problems_in(text, tmp_path)
    assert problem.origin.line == 7
    assert words in str(problem)


def test_a_secrets_service_that_needs_itself_is_a_cycle(tmp_path: Path) -> None:
    text = f'{VAULT}password = "secret:pw"\n'
    (problem,) = problems_in(text, tmp_path)
    assert "vault needs vault" in problem.message


def test_services_are_opened_after_those_that_keep_their_secrets(tmp_path: Path) -> None:
    text = (
        '[services.a]\ncontract = "kv"\nprovider = "weak"\nurl = "secret:vault/u"\n'
        'port = "secret:p"\n' + VAULT
    )
    plan = plan_of(text, tmp_path)
    assert [one.info.name for one in plan.services] == ["vault", "a"]
    assert plan.services[1].after == {"vault"}
    assert "secrets: url = secret:vault/u, port = secret:vault/p" in plan.render()


def test_the_plan_shows_no_value_of_an_option(tmp_path: Path) -> None:
    text = '[services.a]\ncontract = "kv"\nprovider = "weak"\nurl = "x://u:hunter2@h"\n'
    plan = plan_of(text, tmp_path)
    assert "hunter2" not in plan.render()
    assert "hunter2" not in str(plan.as_json())
    with pytest.raises(ConfigurationProblems) as caught:
        plan_of(text.replace("x://", ""), tmp_path)
    assert "url: must be a URL with a scheme" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_default_provider_serves_services_that_name_none(tmp_path: Path) -> None:
    text = (
        '[defaults]\nprovider = "weak"\nregion = "eu"\noptions = { port = 7, url = "a://" }\n'
        '[services.a]\ncontract = "kv"\nurl = "b://"\n'
    )
    plan = plan_of(text, tmp_path)
    (service,) = plan.services
    assert service.options == {"port": 7, "url": "b://"}
    assert (service.info.provider, service.info.region) == ("weak", "eu")
    assert plan.default is not None
    assert plan.default.service("other", "kv").options["url"] == "a://"


def test_wrong_options_of_the_default_provider_are_problems(tmp_path: Path) -> None:
    text = '[defaults]\nprovider = "weak"\noptions = { prt = 7 }\n'
    (problem,) = problems_in(text, tmp_path)
    assert (problem.path, problem.hint) == ("defaults.options.prt", "did you mean 'port'?")


def test_a_blocked_provider_is_said_to_be_blocked(tmp_path: Path) -> None:
    text = 'blocked = ["weak"]\n[services.a]\ncontract = "kv"\nprovider = "weak"\n'
    (problem,) = problems_in(text, tmp_path)
    assert "is blocked" in problem.message


def test_without_configuration_and_without_local_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblems, match=r'pip install "omnicloud\[local\]"'):
        make_plan(load(environ={}, directory=tmp_path), REGISTRY)


def test_a_plan_is_the_same_for_the_same_configuration(tmp_path: Path) -> None:
    text = '[services.b]\ncontract = "kv"\nprovider = "weak"\n' + VAULT
    first, second = plan_of(text, tmp_path), plan_of(text, tmp_path)
    assert first.as_json() == second.as_json()
    assert first.render() == second.render()


class Placed(Options):
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$")


class Hiding(Options):
    timeout: float = 10.0
    tenant: str = ""


class Elsewhere:
    @hookimpl
    def omnicloud_providers(self) -> list[Provider]:
        kv = Offer(OPENS, frozenset({KVFeature.TTL}))
        return [
            Provider("weak", f"{__name__}:Options", {"kv": kv}),
            Provider("placed", f"{__name__}:Placed", {"kv": kv}),
            Provider("hiding", f"{__name__}:Hiding", {"kv": kv}),
        ]


ELSEWHERE = Registry.of(Elsewhere())


def region_of(text: str, tmp_path: Path) -> object:
    """The region in the settings of the service `orders`."""
    plan = plan_of(text, tmp_path, ELSEWHERE)
    service = next(one for one in plan.services if one.info.name == "orders")
    return service.options.get("region")


ORDERS_PLACED = '[services.orders]\ncontract = "kv"\nprovider = "placed"\n'


def test_a_provider_that_asks_for_a_region_gets_the_one_of_the_service(tmp_path: Path) -> None:
    assert region_of(ORDERS_PLACED + 'region = "eu-west-1"\n', tmp_path) == "eu-west-1"


def test_without_one_of_its_own_a_service_is_where_the_defaults_say(tmp_path: Path) -> None:
    defaults = '[defaults]\nregion = "eu-central-1"\n'
    assert region_of(defaults + ORDERS_PLACED, tmp_path) == "eu-central-1"
    assert region_of(ORDERS_PLACED, tmp_path) is None


def test_the_region_of_a_service_is_nearer_than_that_of_the_default_options(
    tmp_path: Path,
) -> None:
    defaults = (
        '[defaults]\nregion = "eu-central-1"\nprovider = "placed"\n'
        '[defaults.options]\nregion = "eu-north-1"\n'
    )
    assert region_of(defaults + ORDERS_PLACED, tmp_path) == "eu-north-1"
    own = ORDERS_PLACED + 'region = "eu-west-1"\n'
    assert region_of(defaults + own, tmp_path) == "eu-west-1"


def test_services_that_are_not_listed_are_in_the_region_of_the_defaults(tmp_path: Path) -> None:
    text = '[defaults]\nregion = "eu-central-1"\nprovider = "placed"\n'
    default = plan_of(text, tmp_path, ELSEWHERE).default
    assert default is not None
    assert default.options["region"] == "eu-central-1"


def test_a_provider_that_does_not_ask_for_a_region_is_not_given_one(tmp_path: Path) -> None:
    text = ORDERS_PLACED.replace("placed", "weak") + 'region = "eu-west-1"\n'
    assert region_of(text, tmp_path) is None


def test_a_region_that_the_provider_does_not_know_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblems) as caught:
        plan_of(ORDERS_PLACED + 'region = "EU West"\n', tmp_path, ELSEWHERE)
    (problem,) = caught.value.problems
    assert problem.path == "services.orders.region"
    assert problem.origin is not None
    assert str(problem.origin).endswith(":4")


def test_settings_that_no_configuration_can_give_are_the_mistake_of_their_author(
    tmp_path: Path,
) -> None:
    text = ORDERS_PLACED.replace("placed", "hiding")
    with pytest.raises(ConfigurationProblems, match="tenant, timeout") as caught:
        plan_of(text, tmp_path, ELSEWHERE)
    assert len(caught.value.problems) == 1


def test_a_mistake_in_default_options_is_told_once_where_it_stands(tmp_path: Path) -> None:
    defaults = '[defaults]\nprovider = "weak"\n[defaults.options]\nprot = 1\n'
    orders = '[services.orders]\ncontract = "kv"\n[services.carts]\ncontract = "kv"\n'
    (problem,) = problems_in(defaults + orders, tmp_path)
    assert problem.path == "defaults.options.prot"
    assert str(problem.origin).endswith(":4")
