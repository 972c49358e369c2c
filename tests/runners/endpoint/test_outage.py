"""When a server is gone, and when it only restarts."""

from __future__ import annotations

from collections.abc import Iterator

from harness.runners.endpoint.outage import MIN_ATTEMPTS, Outage


def outage_at(*times_s: float) -> Outage:
    """An outage of 20 s, whose clock shows these times in turn."""
    clock: Iterator[float] = iter(times_s)
    return Outage(20.0, lambda: next(clock))


def test_a_server_that_refuses_for_long_is_gone() -> None:
    outage = outage_at(0.0, 5.0, 10.0, 15.0, 20.0)
    for _ in range(4):
        outage.missed("refused")
        assert not outage.is_over()
    outage.missed("refused")
    assert outage.is_over()
    assert outage.reason == "no connection in 20 s and 5 attempts; the last one: refused"


def test_any_connection_starts_the_count_anew() -> None:
    outage = outage_at(0.0, 19.0, 21.0, 22.0, 23.0, 24.0, 25.0)
    outage.missed("refused")
    outage.missed("refused")
    outage.reached()
    for _ in range(5):
        outage.missed("refused")
    assert not outage.is_over()


def test_few_attempts_show_too_little() -> None:
    outage = outage_at(*(100.0 * number for number in range(MIN_ATTEMPTS)))
    for _ in range(MIN_ATTEMPTS - 1):
        outage.missed("refused")
        assert not outage.is_over()
    outage.missed("refused")
    assert outage.is_over()


def test_a_server_that_is_gone_stays_gone() -> None:
    outage = Outage(0.0, lambda: 0.0)
    for _ in range(MIN_ATTEMPTS):
        outage.missed("refused")
    outage.reached()
    assert outage.is_over()
