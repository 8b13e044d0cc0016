"""A store that signs its URLs rightly keeps every law of objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from broken.objects_presign import Signing, serving
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.world import World


class TestSigningObjects(ObjectsContract):
    @pytest.fixture
    def make_world(self) -> Callable[[], World[Any]]:
        return lambda: serving(Signing)
