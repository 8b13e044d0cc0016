"""What a client makes of the answers of something that is not the service."""

from __future__ import annotations

import pytest
from s3_bench import OPTIONS, pretending, settled

from omnicloud.errors import ConfigurationError
from omnicloud_s3.config import S3Config
from omnicloud_s3.objects import open_objects
from omnicloud_tck.objects.elsewhere import ANSWERS, expect_all_unknown
from omnicloud_tck.served import Lone


@pytest.mark.parametrize(("status", "body"), ANSWERS)
async def test_a_page_of_something_else_is_no_object_no_absence_and_no_success(
    status: int, body: bytes
) -> None:
    lone = Lone()
    async with pretending(settled(lambda *_: (status, {}, body), {"x-amz-request-id": "1"})) as one:
        driver = await open_objects(S3Config(endpoint=one.endpoint, bucket="abc", **OPTIONS), lone)
        await expect_all_unknown(driver)
        await lone.aclose()


@pytest.mark.parametrize(("status", "body"), ANSWERS)
async def test_a_page_of_something_else_at_the_opening_is_a_mistake_of_the_settings(
    status: int, body: bytes
) -> None:
    async with pretending(lambda *_: (status, {}, body)) as one:
        with pytest.raises(ConfigurationError, match="does not speak the protocol"):
            await open_objects(S3Config(endpoint=one.endpoint, bucket="abc", **OPTIONS), Lone())
