"""Keys, verification, badges, pages and the matrix on the command line."""

from __future__ import annotations

import json
import stat
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certificate_samples import certificate, changed, key, of_driver, plain, sealed, written
from omnicloud.cli.app import cli
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.certificates.badge import badge
from omnicloud_tck.certificates.making import as_json
from omnicloud_tck.certificates.matrix import as_markdown, as_rows
from omnicloud_tck.certificates.signing import BadKey, make_key, public_key, read_key, read_public
from omnicloud_tck.certificates.trust import checked
from omnicloud_tck.reference import world
from omnicloud_tck.world import World

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *args: CliRunner().invoke(cli, ["certificate", *map(str, args)])


def test_a_new_key_is_readable_by_its_owner_only_and_replaces_none(
    run: Run, tmp_path: Path
) -> None:
    made = run("keygen", tmp_path / "release.pem")
    assert made.exit_code == 0
    file = tmp_path / "release.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    public = made.stdout.strip()
    assert (tmp_path / "release.pem.pub").read_text() == f"{public} release\n"
    assert public == public_key(read_key(file))
    before = file.read_bytes()
    again = run("keygen", file)
    assert (again.exit_code, file.read_bytes()) == (2, before)
    assert "is not written" in again.stderr


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    make_key(path)
    path.chmod(0o640)
    with pytest.raises(BadKey, match="chmod 600"):
        read_key(path)


def test_what_is_no_ed25519_key_is_refused_without_telling_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    other = Ed448PrivateKey.generate()
    for raw, said in (
        (b"hunter2", "no private key in PEM"),
        (other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "no Ed25519"),
    ):
        path.write_bytes(raw)
        path.chmod(0o600)
        with pytest.raises(BadKey, match=said) as caught:
            read_key(path)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(BadKey, match="cannot be read"):
        read_key(tmp_path / "missing.pem")
    with pytest.raises(BadKey, match="43 characters"):
        read_public("nonsense")


def test_verify_ends_with_0_for_a_trusted_key_and_1_for_an_unknown_or_no_one(
    run: Run, tmp_path: Path
) -> None:
    mine = public_key(key(tmp_path))
    file = written(tmp_path, sealed(tmp_path, certificate()))
    trusted = tmp_path / "trusted"
    trusted.write_text(f"# who may certify\n\n{mine} release of ours\n")
    assert run("verify", file, "--key", mine).exit_code == 0
    assert run("verify", file, "--trust", trusted).exit_code == 0
    assert run("verify", file, "--allow-unknown").exit_code == 0
    unknown = run("verify", file)
    assert unknown.exit_code == 1
    assert "a key that is not trusted here" in unknown.stdout
    assert run("verify", written(tmp_path, certificate()), "--allow-unknown").exit_code == 1


def test_verify_ends_with_1_for_what_was_changed_and_2_for_what_is_none(
    run: Run, tmp_path: Path
) -> None:
    whole = plain(sealed(tmp_path, certificate()))
    wrong = written(tmp_path, changed(whole, ("provider", "name"), lambda _: "redis"))
    found = run("verify", wrong, "--allow-unknown", "--json")
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert not told["reliable"]
    assert told["objections"][0].startswith("it is changed after it was signed")
    wrong.write_text("hello")
    assert run("verify", wrong).exit_code == 2
    assert run("verify", tmp_path / "missing").exit_code == 2
    trust = tmp_path / "trust"
    trust.write_text("not-a-key\n")
    bad = run("verify", wrong, "--trust", trust)
    assert bad.exit_code == 2
    assert "line 1 of trust" in bad.stderr


def test_verify_asks_for_a_rung_where_one_is_asked_for(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path, sealed(tmp_path, certificate()))
    assert run("verify", file, "--allow-unknown", "--rung", "trust").exit_code == 0


class Forgetful(MemorySecrets):
    async def get(self, op: Any, /) -> Any:
        return None


def test_a_provider_that_is_not_certified_is_not_relied_upon_though_it_is_signed(
    run: Run, tmp_path: Path
) -> None:
    file = written(tmp_path, sealed(tmp_path, of_driver("secrets", Forgetful)))
    found = run("verify", file, "--key", tmp_path / "missing.pub")
    assert found.exit_code == 2
    found = run("verify", file, "--allow-unknown")
    assert found.exit_code == 1
    assert "it says itself: not certified" in found.stdout


def test_a_badge_is_well_formed_and_says_the_rung(run: Run, tmp_path: Path) -> None:
    drawn = run("badge", written(tmp_path, certificate())).stdout
    root = ET.fromstring(drawn)
    texts = [one.text for one in root.iter() if one.tag.endswith("text")]
    assert texts == ["omnicloud memory", "trust 5/5"]
    wrong = badge(of_driver("secrets", Forgetful))
    assert "not certified" in wrong


def test_a_badge_of_an_odd_name_is_well_formed() -> None:
    odd = certificate().model_copy(
        update={"provider": certificate().provider.model_copy(update={"name": '<b x="1">&'})}
    )
    assert ET.fromstring(badge(odd)) is not None


def test_what_does_not_hold_together_is_not_shown(run: Run, tmp_path: Path) -> None:
    whole = plain(certificate())
    wrong = written(tmp_path, changed(whole, ("rung",), lambda _: "shape"))
    for verb in ("badge", "report", "matrix"):
        found = run(verb, wrong)
        assert found.exit_code == 2
        assert "is not shown" in found.stderr


def test_the_matrix_compares_contracts_rungs_and_features(run: Run, tmp_path: Path) -> None:
    found = [certificate(), certificate("secrets")]
    assert {row["contract"] for row in as_rows(found)} == {"sagas", "secrets"}
    lines = as_markdown(found).splitlines()
    assert lines[0].count("|") == 4
    assert "| sagas | trust |  |" in lines
    assert "| sagas list | yes |  |" in lines
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(as_json(found[0]))
    second.write_text(as_json(found[1]))
    told = run("matrix", first, second, "--json")
    assert [row["rung"] for row in json.loads(told.stdout)] == ["trust", "trust"]
    assert run("matrix", first, second, "--markdown").stdout == as_markdown(found)


def test_markup_in_names_does_not_break_the_table() -> None:
    odd = certificate().model_copy(
        update={"provider": certificate().provider.model_copy(update={"name": "a|b\n<i>"})}
    )
    first = as_markdown([odd]).splitlines()[0]
    assert first.replace("\\|", "").count("|") == 3
    assert "<i>" not in first.replace("\\<i\\>", "")


@pytest.fixture
def certify(tmp_path: Path) -> Run:
    base = ["certify", "memory", "--contract", "secrets", "--examples", "3", "--out", str(tmp_path)]
    return lambda *args: CliRunner().invoke(cli, [*base, *map(str, args)])


def test_certify_signs_what_it_writes_and_ends_with_0(certify: Run, tmp_path: Path) -> None:
    mine = public_key(key(tmp_path))
    done = certify("--sign", tmp_path / "key.pem", "--rung", "trust")
    assert done.exit_code == 0, done.output
    found = checked(tmp_path / "memory.json", frozenset({mine}))
    assert found.objections(allow_unknown=False) == ()
    assert (tmp_path / "memory.svg").read_text().startswith("<svg")
    assert "secrets" in (tmp_path / "memory.html").read_text()


def test_certify_does_not_begin_with_a_key_that_it_cannot_use(certify: Run, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("hunter2")
    (tmp_path / "key.pem").chmod(0o644)
    done = certify("--sign", tmp_path / "key.pem")
    assert done.exit_code == 2
    assert not (tmp_path / "memory.json").exists()


def test_certify_ends_with_1_below_the_rung_that_was_asked_for(
    certify: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poor(contract: str) -> World[Any]:
        rich = world(contract)
        return World(rich.driver, clock=rich.clock, virtual=True)

    monkeypatch.setattr("omnicloud_tck.reference.world", poor)
    assert certify().exit_code == 0
    assert certify("--rung", "trust").exit_code == 1


def test_a_provider_whose_backend_is_not_there_is_not_tried(
    certify: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(contract: str) -> World[Any]:
        raise FileNotFoundError("no redis-server on this machine")

    monkeypatch.setattr("omnicloud_tck.reference.world", gone)
    done = certify()
    assert done.exit_code == 2
    assert "secrets cannot be tried: FileNotFoundError: no redis-server" in done.stderr
