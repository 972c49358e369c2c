"""The nameplate: a declared power, labelled as a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.meters.adapters.nameplate import Nameplate


def stand_in(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the options of a meter that needs no device."""
    return {"watts": "1400"}


def test_it_states_the_declared_power_as_an_estimate() -> None:
    meter = Nameplate("5600", "rack")
    (channel,) = meter.probe()
    assert (channel.kind, channel.boundary, channel.meter) == ("estimate", "rack", "declared-model")
    assert channel.accuracy.assumed
    assert channel.accuracy.reading_limit_pct == 70.0
    (reading,) = meter.read()
    assert (reading.channel, reading.value) == ("nameplate", 5600.0)


@pytest.mark.parametrize("watts", ["", "0", "-5", "nan", "1e10", "a kilowatt"])
def test_other_powers_are_refused(watts: str) -> None:
    with pytest.raises(UsageError, match="is not a power"):
        Nameplate(watts)


def test_other_boundaries_are_refused() -> None:
    with pytest.raises(UsageError, match="is no boundary"):
        Nameplate("100", "moon")
