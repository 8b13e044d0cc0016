"""The word on a certificate's file: what it says, whose it is, and whether that suffices."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.reading import Unreadable, read_bounded, read_file
from omnicloud_tck.certificates.signing import BadKey, is_authentic, read_public
from omnicloud_tck.certificates.verifying import problems_of

__all__ = ["Checked", "Signed", "checked", "read_trusted"]

MAX_PROBLEMS = 20
"""More are counted, not listed."""


class Signed(StrEnum):
    """What the signature is worth."""

    NOT = "not signed"
    FORGED = "changed after it was signed, or never signed by that key"
    UNKNOWN = "signed, by a key that is not trusted here"
    TRUSTED = "signed by a trusted key"


@dataclass(frozen=True, slots=True)
class Checked:
    """A certificate that could be read, and what was found.

    Attributes:
        problems: What does not follow from its own laws or from the kit; empty is good.
    """

    certificate: CertificateFile
    signed: Signed
    problems: tuple[str, ...]

    def objections(self, *, allow_unknown: bool, allow_unsigned: bool = False) -> tuple[str, ...]:
        """Why it is not to be relied upon, a line each; none where it is."""
        fine = {Signed.TRUSTED}
        fine |= {Signed.UNKNOWN} if allow_unknown else set()
        fine |= {Signed.NOT} if allow_unsigned else set()
        unsigned = () if self.signed in fine else (f"it is {self.signed}",)
        verdict = () if self.certificate.certified else ("it says itself: not certified",)
        return (*unsigned, *self.problems, *verdict)


def checked(path: Path, trusted: AbstractSet[str]) -> Checked:
    """Read a certificate and look into it.

    Args:
        path: Its file.
        trusted: Public keys whose word counts.

    Raises:
        Unreadable: It is no certificate.
    """
    certificate, plain = read_file(path)
    problems = list(problems_of(certificate))
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more"]
    return Checked(certificate, _signed(certificate, plain, trusted), tuple(problems))


def _signed(
    certificate: CertificateFile, plain: Mapping[str, object], trusted: AbstractSet[str]
) -> Signed:
    signature = certificate.signature
    if signature is None:
        return Signed.NOT
    if not is_authentic(signature, plain):
        return Signed.FORGED
    return Signed.TRUSTED if signature.key in trusted else Signed.UNKNOWN


def read_trusted(keys: tuple[str, ...], files: tuple[Path, ...]) -> frozenset[str]:
    """Public keys said outright, and those of files: one a line, then what it is called.

    Raises:
        BadKey: One is no key.
        Unreadable: A file cannot be read.
    """
    found = {read_public(key) for key in keys}
    for file in files:
        try:
            lines = read_bounded(file).decode().splitlines()
        except UnicodeDecodeError:
            raise Unreadable(f"{file.name} is not UTF-8") from None
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if words:
                found.add(_in_line(words[0], file, number))
    return frozenset(found)


def _in_line(word: str, file: Path, number: int) -> str:
    try:
        return read_public(word)
    except BadKey:
        raise BadKey(f"line {number} of {file.name} does not begin with a public key") from None
