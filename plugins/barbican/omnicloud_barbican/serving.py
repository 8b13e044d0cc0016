"""Barbican on a port of 127.0.0.1: ``python serving.py PORT FOLDER``.

Run by the Python of an environment that has ``barbican`` and ``waitress`` and nothing of ours.
Without Keystone: who asks says in headers who they are, so it is for tests alone. Secrets are
in SQLite in the folder, encrypted with a key of the folder.
"""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_THREADS = 1  # writers that meet in SQLite are told that it is locked
_CONFIG = """[DEFAULT]
host_href = http://127.0.0.1:{port}
[database]
connection = {database}
[simple_crypto_plugin]
kek = {key}
[oslo_policy]
enforce_scope = false
enforce_new_defaults = false
"""

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def _prepared(port: int, folder: Path) -> Path:
    """The configuration and the database, made at the first start; where requests go through."""
    home = folder / ".barbican"
    pipeline = home / "barbican-api-paste.ini"
    if not pipeline.exists():
        home.mkdir(parents=True, exist_ok=True)
        database = f"sqlite:///{folder / 'barbican.db'}"
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        (home / "barbican.conf").write_text(_CONFIG.format(port=port, database=database, key=key))
        upgrade = (sys.executable, "-I", "-m", "barbican.cmd.barbican_manage", "db", "upgrade")
        subprocess.run([*upgrade, "--db-url", database], check=True)  # noqa: S603 - our own words
        theirs = Path(sys.prefix) / "etc" / "barbican" / "barbican-api-paste.ini"
        pipeline.write_text(
            theirs.read_text().replace("/v1: barbican-api-keystone", "/v1: barbican_api")
        )
    return pipeline


def _with_request_id(application: Application) -> Application:
    """What the pipeline without Keystone forgets to set, and then asks for."""

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        environ["webob.adhoc_attrs"] = {"request_id": f"req-{uuid.uuid4()}"}
        return application(environ, start)

    return answer


def main() -> None:
    """Answer until killed."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    os.environ["HOME"] = str(folder)  # one of its parts reads its settings from there alone
    pipeline = _prepared(port, folder)
    from paste import deploy  # type: ignore[import-not-found]  # of the other environment
    from waitress import serve  # type: ignore[import-untyped]  # has none

    application = deploy.loadapp(f"config:{pipeline}", name="main")
    serve(_with_request_id(application), host="127.0.0.1", port=port, threads=_THREADS)


if __name__ == "__main__":
    main()
