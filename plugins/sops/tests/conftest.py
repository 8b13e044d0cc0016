"""One identity and one file for each test, and SOPS itself as the judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest
from pydantic import SecretStr

from omnicloud.contracts.secrets import Secrets
from omnicloud.core.pipeline import Pipeline
from omnicloud_sops.config import SopsConfig
from omnicloud_sops.secrets import open_secrets
from omnicloud_tck.served import Lone

SOPS = Path(sys.executable).parent / "sops"


@dataclass
class Shop:
    """A folder with the file of an identity, where SOPS is run."""

    folder: Path
    identity: Any

    @property
    def key_file(self) -> Path:
        return self.folder / "keys.txt"

    def sops(self, *arguments: str, text: str = "") -> str:
        """What the program answers. A missing program fails the test."""
        done = subprocess.run(
            [str(SOPS), "--disable-version-check", *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "SOPS_AGE_KEY_FILE": str(self.key_file)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def encrypted(self, name: str, plain: str, *options: str) -> Path:
        """A file of that name which SOPS encrypted."""
        source, target = self.folder / f"plain-{name}", self.folder / name
        source.write_text(plain)
        recipient = str(self.identity.to_public())
        target.write_text(self.sops("-e", "--age", recipient, *options, str(source)))
        return target

    def decrypted(self, path: Path) -> Any:
        """What SOPS reads in a file, its code over all values checked."""
        return json.loads(self.sops("-d", "--output-type", "json", str(path)))

    async def open(self, path: Path, **options: Any) -> Secrets:
        """A client with the identity."""
        settings: Mapping[str, Any] = {"identity": SecretStr(str(self.identity)), **options}
        driver = await open_secrets(SopsConfig(path=path, **settings), Lone())
        return Secrets(Pipeline(driver))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, pyrage.x25519.Identity.generate())
    made.key_file.write_text(f"# a comment\n{made.identity}\n")
    made.key_file.chmod(0o600)
    return made
