"""A certificate that was changed anywhere is not relied upon, whoever signs it again."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from certificate_samples import (
    another,
    certificate,
    changed,
    key,
    leaves,
    of_driver,
    plain,
    sealed,
    written,
)
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.reading import MAX_BYTES, Unreadable, strict_json
from omnicloud_tck.certificates.signing import public_key, signed
from omnicloud_tck.certificates.trust import Signed, checked


def objections(folder: Path, what: object, trusted: frozenset[str] | None = None) -> list[str]:
    """Why a certificate is not relied upon where any good signature is taken."""
    try:
        found = checked(written(folder, what), trusted or frozenset())
    except Unreadable as error:
        return [str(error)]
    return list(found.objections(allow_unknown=trusted is None))


def test_one_that_nobody_changed_is_relied_upon(tmp_path: Path) -> None:
    mine = frozenset({public_key(key(tmp_path))})
    assert objections(tmp_path, sealed(tmp_path, certificate()), mine) == []
    unsigned = objections(tmp_path, certificate(), mine)
    assert unsigned == ["it is not signed"]


def test_spaces_and_the_order_of_names_do_not_matter(tmp_path: Path) -> None:
    turned = dict(reversed(list(plain(sealed(tmp_path, certificate())).items())))
    assert objections(tmp_path, turned) == []


def test_a_change_of_any_value_is_seen(tmp_path: Path) -> None:
    whole = plain(sealed(tmp_path, certificate()))
    spots = list(leaves(whole))
    assert len(spots) > 300
    unseen = [spot for spot in spots if not objections(tmp_path, changed(whole, spot, another))]
    assert unseen == []


def test_a_name_more_or_less_is_seen(tmp_path: Path) -> None:
    whole = plain(sealed(tmp_path, certificate()))
    for name in whole:
        assert objections(tmp_path, {k: v for k, v in whole.items() if k != name}), name
    assert objections(tmp_path, {**whole, "remark": "fine"})


FREE = {
    ("provider",),
    ("environment",),
    ("started",),
    ("finished",),
    ("examples",),
    ("versions", "omnicloud"),
    ("versions", "python"),
    ("versions", "clients"),
    ("contracts", "sagas", "backend"),
    ("contracts", "sagas", "limits"),
}
"""What nothing else in a certificate speaks against; only the signature vouches for it."""


def test_signing_again_does_not_help_a_verdict_that_does_not_follow(tmp_path: Path) -> None:
    whole = plain(certificate())
    unseen = set()
    for spot in filter(_of_every_third_law, leaves(whole)):
        wrong = again(tmp_path, changed(whole, spot, another))
        if wrong is not None and not objections(tmp_path, wrong):
            unseen.add(spot)
    free = {spot for spot in unseen if any(spot[: len(one)] == one for one in FREE)}
    reasons = {spot for spot in unseen if spot[-1] == "reason"}
    assert unseen - free - reasons == set()
    assert all(law_at(whole, spot)["result"] != "held" for spot in reasons)


def _of_every_third_law(spot: tuple[Any, ...]) -> bool:
    """Laws are alike, and to sign takes a while."""
    return spot[2:3] != ("laws",) or spot[3] % 3 == 0


def law_at(whole: dict[str, Any], spot: tuple[Any, ...]) -> dict[str, Any]:
    inner: Any = whole
    for step in spot[:-1]:
        inner = inner[step]
    return inner  # type: ignore[no-any-return]


def again(folder: Path, what: dict[str, Any]) -> CertificateFile | None:
    """Signed anew; ``None`` where it has not even the shape of a certificate."""
    try:
        return signed(CertificateFile.model_validate_json(json.dumps(what)), key(folder))
    except ValueError:
        return None


def laws(whole: dict[str, Any]) -> list[dict[str, Any]]:
    return whole["contracts"]["sagas"]["laws"]  # type: ignore[no-any-return]


def test_a_law_left_out_is_seen(tmp_path: Path) -> None:
    for number in range(len(laws(plain(certificate())))):
        whole = plain(certificate())
        gone = laws(whole).pop(number)["id"]
        whole["contracts"]["sagas"]["seconds"] = round(sum(w["seconds"] for w in laws(whole)), 4)
        found = objections(tmp_path, again(tmp_path, whole))
        assert f"sagas: law {gone} of the kit is missing" in found


def test_a_law_that_is_told_twice_or_is_not_the_kits_is_seen(tmp_path: Path) -> None:
    whole = plain(certificate())
    laws(whole).append(dict(laws(whole)[0]))
    id_ = laws(whole)[0]["id"]
    assert f"sagas: law {id_} is there 2 times" in objections(tmp_path, again(tmp_path, whole))
    whole = plain(certificate())
    laws(whole).append({**laws(whole)[0], "id": "SA-999"})
    assert "sagas: the kit has no law SA-999" in objections(tmp_path, again(tmp_path, whole))


class Stale(MemorySagas):
    """Updates whatever version it is told."""

    async def update(self, op: Any, /) -> Any:
        held = await self.get(type("Get", (), {"space": op.space, "saga_id": op.state.saga_id})())
        return held and await super().update(op)


def test_a_broken_provider_is_not_certified_by_editing(tmp_path: Path) -> None:
    whole = plain(of_driver("sagas", Stale))
    assert not whole["certified"]
    whole["certified"] = whole["contracts"]["sagas"]["certified"] = True
    whole["rung"] = whole["contracts"]["sagas"]["rung"] = "trust"
    found = objections(tmp_path, again(tmp_path, whole))
    assert any("rung is told as trust" in line for line in found)


def test_a_certificate_of_another_kit_is_for_that_kit(tmp_path: Path) -> None:
    whole = changed(plain(certificate()), ("versions", "kit"), lambda _: "9.9")
    found = objections(tmp_path, again(tmp_path, whole))
    assert any("verify it with that version" in line for line in found)


def test_a_signature_by_another_key_is_unknown_and_one_by_none_is_forged(tmp_path: Path) -> None:
    mine = public_key(key(tmp_path))
    whole = plain(sealed(tmp_path, certificate()))
    assert checked(written(tmp_path, whole), frozenset()).signed is Signed.UNKNOWN
    other = tmp_path / "other"
    other.mkdir()
    theirs = public_key(key(other))
    whole["signature"]["key"] = theirs
    found = checked(written(tmp_path, whole), frozenset({mine, theirs}))
    assert found.signed is Signed.FORGED


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"hello", "not JSON"),
        (b"[]", "not an object"),
        (b'"x"', "not an object"),
        (b"{}", "schema_version"),
        (b'{"rung": NaN}', "NaN"),
        (b'{"rung": -Infinity}', "Infinity"),
        (b'{"rung": 1, "rung": 2}', "twice"),
        (b'{"a": ' * 5000 + b"1" + b"}" * 5000, "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
        (b'"' + b"x" * MAX_BYTES + b'"', "more than"),
        (b'{"examples": ' + b"9" * 5000 + b"}", "a number is too long"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_what_is_no_certificate_is_told_why(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "certificate.json"
    path.write_bytes(raw)
    with pytest.raises(Unreadable, match=f"^certificate.json (is|has) .*{said}"):
        checked(path, frozenset())


def test_numbers_that_are_too_large_are_refused(tmp_path: Path) -> None:
    whole = plain(sealed(tmp_path, certificate()))
    spot = ("contracts", "sagas", "seconds")
    text = json.dumps(changed(whole, spot, lambda _: "HUGE")).replace('"HUGE"', "1e999")
    path = tmp_path / "certificate.json"
    path.write_text(text)
    with pytest.raises(Unreadable):
        checked(path, frozenset())
    huge = changed(whole, ("seeds",), lambda _: [2**60])
    assert checked(written(tmp_path, huge), frozenset()).signed is Signed.FORGED


def test_brackets_inside_strings_are_no_nesting() -> None:
    assert strict_json(json.dumps(["[" * 1000, '\\"[[[' * 100]).encode())


def test_a_folder_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        checked(tmp_path, frozenset())


def test_no_flipped_bit_and_no_cut_passes_or_fails_otherwise(tmp_path: Path) -> None:
    raw = written(tmp_path, sealed(tmp_path, certificate())).read_bytes()
    path = tmp_path / "flipped.json"
    chance = random.Random(17)
    for turn in range(400):
        where = chance.randrange(len(raw))
        flipped = bytes([raw[where] ^ 1 << chance.randrange(8)])
        path.write_bytes(raw[:where] + (flipped + raw[where + 1 :] if turn % 4 else b""))
        try:
            found = checked(path, frozenset())
        except Unreadable:
            continue
        harmless = json.loads(path.read_text()) == json.loads(raw)
        assert harmless or found.objections(allow_unknown=True), where


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    text = json.dumps(plain(sealed(tmp_path, certificate())))
    path.write_text(text.replace('"memory"', '"\\ud800"'))
    with pytest.raises(Unreadable):
        checked(path, frozenset())
