"""Every installed provider answers random operations as the model of its contract does.

So any two of them answer alike. ``OMNICLOUD_DIFFERENTIAL_OPERATIONS`` is how many are played on
each contract of each provider; ``nox -s tck -- --full`` plays 100,000.
``OMNICLOUD_DIFFERENTIAL_WITHOUT`` names providers to leave out, with commas between: by default
the one whose server takes minutes to install.
"""

from __future__ import annotations

import os

import pytest

from omnicloud.registry.discovery import Registry
from omnicloud_tck.certify import world_maker
from omnicloud_tck.differential.pairs import pairs
from omnicloud_tck.differential.running import compare
from omnicloud_tck.differential.subjects import SUBJECTS

OPERATIONS = int(os.environ.get("OMNICLOUD_DIFFERENTIAL_OPERATIONS", "100"))
WITHOUT = os.environ.get("OMNICLOUD_DIFFERENTIAL_WITHOUT", "barbican").split(",")


@pytest.mark.timeout(900)  # a server may have to be installed first
@pytest.mark.parametrize(("provider", "contract"), list(pairs()))
def test_a_provider_answers_as_its_model(provider: str, contract: str) -> None:
    if f"plugins/{provider}" in os.environ.get("OMNICLOUD_NOT_TESTED", "").split():
        pytest.skip(f"{provider} NOT COMPARED: this machine cannot have its server")
    if provider in WITHOUT:
        pytest.skip(f"{provider} NOT COMPARED: left out by OMNICLOUD_DIFFERENTIAL_WITHOUT")
    make_world = world_maker(Registry.discover().providers[provider].provider, contract)
    run = compare(provider, SUBJECTS[contract], make_world, operations=OPERATIONS)
    assert not run.differences, "\n".join(one.told(run) for one in run.differences)
    assert run.operations >= OPERATIONS
