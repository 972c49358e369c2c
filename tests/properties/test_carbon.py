"""Laws of carbon: factors sum to the whole, windows add up, units and zones round-trip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.carbon.factor import TO_G_PER_KWH, Factor, g_per_kwh
from harness.carbon.formulas import clean_match
from harness.carbon.grid.annual import annual, rows
from harness.carbon.grid.stamps import to_ns
from harness.carbon.series import HOUR_NS, Series
from harness.carbon.time_weighting import J_PER_KWH, step_cuts
from harness.emissions.decomposition import NAMES, EmissionFactors, decompose
from harness.emissions.run_emissions import trace_emissions_g
from harness.emissions.whatif import sweep
from harness.energy.cumulative import energy_between
from harness.energy.integrate import energy
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window

EPOCH = 1_640_995_200_000_000_000
ABOUT: dict[str, Any] = {
    "name": "location_intensity",
    "unit": "g/kWh",
    "u_ln": 0.1,
    "source": "test",
    "date": "",
    "licence": "",
    "dataset": "test",
}


def grid(values: list[float], step_ns: int = HOUR_NS, start_ns: int = EPOCH) -> Series:
    return Series(
        start_ns, step_ns, np.array(values), Factor(value=float(np.mean(values)), **ABOUT)
    )


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    kind = draw(st.sampled_from(["mean", "instant", "counter", "estimate"]))
    n = draw(st.integers(3, 60))
    steps = draw(st.lists(st.integers(1, 1200), min_size=n, max_size=n))
    value = np.array(draw(st.lists(st.floats(1, 5000), min_size=n, max_size=n)))
    t_ns = EPOCH + np.cumsum(np.array(steps, np.int64)) * 1_000_000_000
    more: dict[str, Any] = {}
    if kind == "counter":
        more = {"quantity": "energy", "unit": "J", "update_interval_s": 0.0}
    channel = Channel(
        id="total",
        kind=kind,
        boundary="wall",
        calibration_id="m",
        nominal_interval_s=float(np.median(steps)),
        accuracy=Accuracy(reading_limit_pct=0.0, source="test"),
        **more,
    )
    return build_trace(channel, t_ns, np.cumsum(value) if kind == "counter" else value)


@given(traces(), st.lists(st.floats(3, 1500), min_size=40, max_size=40), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_emissions_add_up_wherever_a_trace_is_split(
    trace: Trace, values: list[float], where: float
) -> None:
    series = grid(values)
    start, stop = int(trace.t_ns[0]), int(trace.t_ns[-1])
    middle = start + int(where * (stop - start))
    parts = sum(
        trace_emissions_g(trace, Window(a, b), series) for a, b in ((start, middle), (middle, stop))
    )
    assert parts == pytest.approx(
        trace_emissions_g(trace, Window(start, stop), series), rel=1e-9, abs=1e-9
    )


@given(traces(), st.floats(3, 1500))
@settings(max_examples=100, deadline=None)
def test_constant_grid_gives_energy_times_factor(trace: Trace, value: float) -> None:
    window = Window(int(trace.t_ns[0]), int(trace.t_ns[-1]))
    cuts = np.array([window.start_ns, window.stop_ns])
    joules = float(energy_between(trace, cuts).sum())
    found = trace_emissions_g(trace, window, grid([value] * 40))
    assert found == pytest.approx(joules / J_PER_KWH * value, rel=1e-9, abs=1e-12)


@given(traces())
@settings(max_examples=100, deadline=None)
def test_profile_holds_the_energy_that_the_integration_finds(trace: Trace) -> None:
    """Between two readings there is no edge to estimate: both ways find one number."""
    window = Window(int(trace.t_ns[0]), int(trace.t_ns[-1]))
    plain = energy(trace, window)
    assume(plain is not None)
    assert plain is not None
    assert energy_between(trace, step_cuts(grid([100.0] * 40), window)).sum() == pytest.approx(
        plain.energy_j, rel=1e-9, abs=1e-6
    )


@given(traces(), st.integers(-14, 14))
@settings(max_examples=50, deadline=None)
def test_time_zone_of_the_stamps_does_not_matter(trace: Trace, offset: int) -> None:
    hours = np.datetime64(EPOCH, "ns").astype("datetime64[s]") + np.arange(40) * np.timedelta64(
        3600, "s"
    )
    local = [
        f"{stamp}{offset:+03}:00" for stamp in (hours + np.timedelta64(offset, "h")).astype(str)
    ]
    t_ns = to_ns(local, "Asia/Kolkata", "test")
    assert t_ns.tolist() == [EPOCH + i * HOUR_NS for i in range(40)]
    series = grid([100.0 + i for i in range(40)], start_ns=int(t_ns[0]))
    window = Window(int(trace.t_ns[0]), int(trace.t_ns[-1]))
    assert trace_emissions_g(trace, window, series) == trace_emissions_g(
        trace, window, grid([100.0 + i for i in range(40)])
    )


@given(traces(), st.integers(0, 500))
@settings(max_examples=50, deadline=None)
def test_shifting_run_and_series_together_changes_nothing(trace: Trace, days: int) -> None:
    shift = days * 24 * HOUR_NS
    values = [100.0 + 7 * (i % 13) for i in range(40)]
    later = Trace(trace.channel, trace.t_ns + shift, trace.value.copy())
    window = Window(int(trace.t_ns[0]), int(trace.t_ns[-1]))
    moved = Window(window.start_ns + shift, window.stop_ns + shift)
    before = trace_emissions_g(trace, window, grid(values))
    assert trace_emissions_g(later, moved, grid(values, start_ns=EPOCH + shift)) == pytest.approx(
        before, rel=1e-12
    )


@given(st.floats(3, 1500), st.sampled_from(sorted(TO_G_PER_KWH)))
def test_units_round_trip(value: float, unit: str) -> None:
    inside = value / TO_G_PER_KWH[unit]
    assume(3 <= inside * TO_G_PER_KWH[unit] <= 1500)
    assert g_per_kwh(inside, unit) == pytest.approx(value, rel=1e-12)


@given(st.sampled_from(rows()))
def test_zones_round_trip(row: Any) -> None:
    for name in filter(None, (row.zone, row.iso3, row.name.upper())):
        found = annual(name, row.source)
        assert (found.value, found.dataset) == (row.g_per_kwh, row.source)
    assert annual(row.zone, row.source).zone == row.zone


KWH = st.just(0.0) | st.floats(1e-9, 100)
"""Energy of an hour [kWh]: less than a microwatt hour is a number without precision, and no
energy."""


@given(st.lists(st.tuples(KWH, KWH, st.floats(3, 1500)), min_size=1, max_size=50))
def test_hourly_matching_never_beats_annual_and_neither_exceeds_gross(
    hours: list[tuple[float, float, float]],
) -> None:
    found = clean_match(*map(list, zip(*hours, strict=True)))  # type: ignore[arg-type]
    assert 0 <= found.hourly_g <= found.gross_g * (1 + 1e-12)
    assert 0 <= found.annual_g <= found.gross_g * (1 + 1e-12)
    short = sum(max(e - c, 0) for e, c, _ in hours)
    assert short >= max(sum(e for e, _, _ in hours) - sum(c for _, c, _ in hours), 0) - 1e-9


positive = st.floats(1e-3, 1e6)


@given(st.lists(positive, min_size=8, max_size=8))
@settings(deadline=None, max_examples=50)
def test_factors_sum_to_the_whole(numbers: list[float]) -> None:
    generator = np.random.default_rng(1)

    def chain(
        name: str, work: float, energy_j: float, overhead: float, intensity: float
    ) -> EmissionFactors:
        scatter = [np.exp(0.1 * generator.standard_normal(10_000)) for _ in range(4)]
        return EmissionFactors(
            name=name,
            work=work,
            work_unit="FLOP",
            energy=energy_j,
            overhead=overhead,
            grid=intensity,
            drawn_work=work * scatter[0],
            drawn_energy=energy_j * scatter[1],
            drawn_overhead=overhead * scatter[2],
            drawn_grid=intensity * scatter[3],
            intensity=Factor(value=intensity, **ABOUT),
        )

    a, b = chain("a", *numbers[:4]), chain("b", *numbers[4:])
    found = decompose(a, b)
    assert found.total.value == pytest.approx(
        sum(getattr(found, name).value for name in NAMES), abs=1e-9
    )
    assert found.total.value == pytest.approx(np.log(a.emissions / b.emissions), abs=1e-9)


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=6),
    st.lists(st.floats(3, 1500), min_size=6, max_size=30),
)
def test_every_start_is_the_plain_sum(energy_kwh: list[float], values: list[float]) -> None:
    found = sweep(np.array(energy_kwh), np.array(values))
    for start, g in enumerate(found):
        plain = sum(e * values[start + k] for k, e in enumerate(energy_kwh))
        assert g == pytest.approx(plain, rel=1e-9, abs=1e-9)
