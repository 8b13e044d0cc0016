"""What retry repeats, how often, and how long it waits between."""

from __future__ import annotations

import asyncio

import pytest
from probe import ONCE, READ, WRITE, Ask, Scripted, pipeline

from omnicloud import errors
from omnicloud.core.context import deadline
from omnicloud.errors import OmniCloudError, Outcome, ThrottledError, UnavailableError
from omnicloud.layers.breaker import BreakerLayer
from omnicloud.layers.retry import Retried, RetryLayer, repeatable
from omnicloud.testing import LoopClock, run_virtual

ALL = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
TRANSIENT = {"ThrottledError", "UnavailableError", "PublishError", "AttemptTimeoutError"}


def lost() -> UnavailableError:
    return UnavailableError("lost")


def refused() -> UnavailableError:
    return UnavailableError("refused", outcome=Outcome.NOT_DONE)


def retry(**settings: object) -> RetryLayer:
    return RetryLayer(clock=LoopClock(), seed=1, **settings)  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("op", [READ, WRITE, ONCE], ids=["read", "idempotent", "once"])
def test_only_what_can_help_and_cannot_harm_is_repeated(
    kind: type[OmniCloudError], outcome: Outcome, op: Ask
) -> None:
    error = kind("x")
    error.outcome = outcome
    harmless = op is not ONCE or outcome is Outcome.NOT_DONE
    assert repeatable(op, error) is (kind.__name__ in TRANSIENT and harmless)


def test_what_is_not_the_librarys_is_never_repeated() -> None:
    assert not repeatable(READ, ConnectionError())
    assert not repeatable(READ, asyncio.CancelledError())


def test_a_request_is_sent_again_until_it_succeeds() -> None:
    pipe = pipeline(retry(), steps=[lost(), lost(), "ok"])
    assert run_virtual(pipe.send(WRITE)) == "ok"
    assert len(pipe.driver.seen) == 3


def test_after_the_last_attempt_the_last_error_is_raised() -> None:
    last = ThrottledError("third")
    pipe = pipeline(retry(attempts=3), steps=[lost(), lost(), last, "never"])
    with pytest.raises(ThrottledError) as caught:
        run_virtual(pipe.send(READ))
    assert caught.value is last
    assert len(pipe.driver.seen) == 3


def test_one_attempt_is_no_retry() -> None:
    pipe = pipeline(retry(attempts=1), steps=[lost(), "ok"])
    with pytest.raises(UnavailableError):
        run_virtual(pipe.send(READ))


def test_what_must_happen_once_is_not_sent_again_when_its_outcome_is_unknown() -> None:
    pipe = pipeline(retry(), steps=[lost(), "ok"])
    with pytest.raises(UnavailableError):
        run_virtual(pipe.send(ONCE))
    assert len(pipe.driver.seen) == 1


def test_what_must_happen_once_is_sent_again_when_it_was_not_done() -> None:
    pipe = pipeline(retry(), steps=[refused(), lost(), "ok"])
    with pytest.raises(UnavailableError, match="lost"):
        run_virtual(pipe.send(ONCE))
    assert len(pipe.driver.seen) == 2


@pytest.mark.parametrize(
    ("op", "outcome"), [(WRITE, Outcome.UNKNOWN), (READ, Outcome.NOT_DONE)], ids=["write", "read"]
)
def test_a_write_that_an_earlier_attempt_may_have_done_ends_unknown(
    op: Ask, outcome: Outcome
) -> None:
    pipe = pipeline(retry(attempts=2), steps=[lost(), refused()])
    with pytest.raises(UnavailableError, match="refused") as caught:
        run_virtual(pipe.send(op))
    assert caught.value.outcome is outcome


def test_pauses_grow_are_jittered_and_bounded() -> None:
    told: list[Retried] = []
    layer = retry(attempts=40, backoff=1.0, max_backoff=8.0, on_retry=told.append)
    pipe = pipeline(layer, steps=[refused()])
    with pytest.raises(UnavailableError):
        run_virtual(pipe.send(READ))
    pauses = [event.pause for event in told]
    assert [event.attempt for event in told] == list(range(1, 40))
    longest = [min(8.0, 2.0**n) for n in range(39)]
    assert all(0 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len(set(pauses)) == 39
    assert max(pauses) > 6.0
    assert min(pauses[4:]) < 2.0


def test_a_service_that_says_when_to_come_back_is_not_asked_before() -> None:
    pipe = pipeline(retry(), steps=[ThrottledError("busy", retry_after=120.0), "ok"])
    assert run_virtual(pipe.send(READ)) == "ok"
    first, second = pipe.driver.at
    assert second - first >= 120.0


def test_no_pause_ends_after_the_deadline() -> None:
    pipe = pipeline(retry(), steps=[ThrottledError("busy", retry_after=120.0), "ok"])

    async def main() -> float:
        with deadline(100, clock=LoopClock()), pytest.raises(ThrottledError):
            await pipe.send(READ)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) < 1.0


def test_an_open_circuit_is_not_hammered() -> None:
    breaker = BreakerLayer(1, 60, clock=LoopClock())
    pipe = pipeline(retry(attempts=9), breaker, steps=[lost()])
    with pytest.raises(errors.CircuitOpenError):
        run_virtual(pipe.send(READ))
    assert len(pipe.driver.seen) == 1


def test_cancellation_ends_a_pause_and_is_not_retried() -> None:
    pipe = pipeline(retry(), steps=[ThrottledError("busy", retry_after=3600.0), "ok"])

    async def main() -> float:
        task = asyncio.create_task(pipe.send(READ))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 1.0
    assert len(pipe.driver.seen) == 1


def test_inside_a_transaction_nothing_is_repeated() -> None:
    inside = Scripted([UnavailableError("down"), "ok"])
    pipe = pipeline(RetryLayer(clock=LoopClock())).around(inside)
    with pytest.raises(UnavailableError):
        run_virtual(pipe.send(READ))
    assert len(inside.seen) == 1
