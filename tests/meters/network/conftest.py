"""Network meters that are closed when a test ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from harness.meters import MeterSpec, make
from harness.meters.base import Meter


@pytest.fixture
def network_meter() -> Iterator[Callable[..., Meter]]:
    """Make a meter of a device on 127.0.0.1, by the name of its protocol and its options."""
    with contextlib.ExitStack() as stack:

        def make_meter(protocol: str, port: int, /, **options: str) -> Meter:
            meter = make(MeterSpec(protocol, {"host": "127.0.0.1", "port": str(port), **options}))
            stack.callback(meter.close)  # type: ignore[attr-defined]
            return meter

        yield make_meter
