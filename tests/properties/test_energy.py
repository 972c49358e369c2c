"""Laws of energy, for all traces.

Linear, invariant to time shift, additive, the same in any chunks.
"""

from __future__ import annotations

import dataclasses
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.energy import cells
from harness.energy.integrate import ChannelEnergy, energy
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window

EPOCH_NS = 1_700_000_000_000_000_000
MS = 1_000_000
KINDS = ("mean", "instant", "counter", "estimate")
LAWS = settings(max_examples=60, deadline=None)


def channel(kind: str, modulus: float | None = None) -> Channel:
    energy_of = {"quantity": "energy", "unit": "J"} if kind == "counter" else {}
    return Channel(
        id="c",
        kind=kind,
        boundary="wall",
        calibration_id="m",
        accuracy=Accuracy(reading_limit_pct=0.0, source="test"),
        nominal_interval_s=1.0,
        counter_modulus_j=modulus,
        resolution=0.1,
        update_interval_s=0.0,
        **energy_of,
    )


@st.composite
def traces(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS, *, dirty: bool = True) -> Trace:
    """Cells of 0.4 to 1.4 s, gaps of up to 20 s, powers of 1 to 9999 W.

    A counter may wrap and be reset.
    """
    kind = draw(st.sampled_from(kinds))
    n = draw(st.integers(4, 30))
    step = st.integers(400, 1400) | st.integers(1500, 20_000) if dirty else st.integers(400, 1400)
    steps = np.array(draw(st.lists(step, min_size=n, max_size=n)), np.int64)
    power = np.array(draw(st.lists(st.integers(1, 9999), min_size=n, max_size=n)), np.float64)
    t_ns = EPOCH_NS + np.cumsum(steps) * MS
    if kind != "counter":
        return build_trace(channel(kind), t_ns, power)
    count = 1000 + np.cumsum(power * steps / 1000)
    modulus = None
    if dirty and draw(st.booleans()):
        modulus = 1e6
        count = count % modulus
    if dirty and draw(st.booleans()):
        at = draw(st.integers(1, n - 1))
        count[at:] -= count[at] - 1.0
        count = count % modulus if modulus else count
        assume((count >= 0).all())
    return build_trace(channel(kind, modulus), t_ns, count)


@st.composite
def windows(draw: st.DrawFn, trace: Trace) -> Window:
    """Edges on, before and between stamps, and outside the trace."""
    stamps = st.sampled_from(trace.t_ns.tolist())
    anywhere = st.integers(int(trace.t_ns[0]) - 3000 * MS, int(trace.t_ns[-1]) + 3000 * MS)
    a, b = draw(stamps | anywhere), draw(stamps | anywhere)
    return Window(min(a, b), max(a, b))


def flat(found: ChannelEnergy) -> list[Any]:
    """All numbers of a result, None as -1."""
    numbers: list[Any] = []
    stack: list[Any] = list(dataclasses.astuple(found))  # of edges and rounding too
    for item in stack:
        if isinstance(item, tuple):
            stack.extend(item)
        elif not isinstance(item, str):
            numbers.append(-1.0 if item is None else float(item))
    return numbers


@given(st.data())
@LAWS
def test_the_same_in_any_chunks(data: st.DataObject) -> None:
    trace = data.draw(traces())
    window = data.draw(windows(trace))
    whole = energy(trace, window)
    for size in (1, 2, 7):
        with mock.patch.object(cells, "CHUNK_CELLS", size):
            parts = energy(trace, window)
        assert (parts is None) == (whole is None), size
        if whole is not None and parts is not None:
            assert flat(parts) == pytest.approx(flat(whole), rel=1e-9, abs=1e-6), size


@given(st.data(), st.integers(-(10**6), 10**6))
@LAWS
def test_invariant_to_time_shift(data: st.DataObject, shift_ms: int) -> None:
    trace = data.draw(traces())
    window = data.draw(windows(trace))
    by = shift_ms * MS
    moved = Trace(trace.channel, trace.t_ns + by, trace.value)
    before, after = (
        energy(trace, window),
        energy(moved, Window(window.start_ns + by, window.stop_ns + by)),
    )
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert flat(after) == flat(before)


@given(st.data(), st.sampled_from([0.25, 3.0, 1024.0]))
@LAWS
def test_linear_in_power(data: st.DataObject, factor: float) -> None:
    trace = data.draw(traces(dirty=False))
    window = data.draw(windows(trace))
    found, more = (
        energy(trace, window),
        energy(Trace(trace.channel, trace.t_ns, trace.value * factor), window),
    )
    assert (found is None) == (more is None)
    if found is not None and more is not None:
        for name in ("energy_j", "filled_j", "u_gap_j", "u_sampling_j"):
            assert getattr(more, name) == pytest.approx(
                factor * getattr(found, name), rel=1e-9, abs=1e-6
            ), name


@given(st.data(), st.integers(1, 5000))
@LAWS
def test_a_constant_more_power_is_that_much_more_energy(data: st.DataObject, more_w: int) -> None:
    trace = data.draw(traces(("mean", "instant", "estimate")))
    window = data.draw(windows(trace))
    found, more = (
        energy(trace, window),
        energy(Trace(trace.channel, trace.t_ns, trace.value + more_w), window),
    )
    assert (found is None) == (more is None)
    if found is not None and more is not None:
        # what is left of a crossing cell may be below 0 without it, and is then held
        assume([edge.rule for edge in found.edges] == [edge.rule for edge in more.edges])
        assume(all(edge.energy_j > 0 for edge in found.edges if edge.rule != "covered"))
        bounded = [edge for edge in found.edges if edge.rule in ("between", "surplus")]
        assume(all(edge.energy_j > edge.half_width_j for edge in bounded))
        # What is left of a crossing cell is a difference, whose rounding error scales with the
        # energy of that cell, however little of it lies inside: a relative bound has no floor.
        longest_s = float(np.diff(trace.t_ns).max()) / 1e9
        largest_j = (float(trace.value.max()) + more_w) * (longest_s + window.seconds)
        expected_j = found.energy_j + more_w * window.seconds
        assert abs(more.energy_j - expected_j) <= 16 * np.finfo(float).eps * largest_j


@given(st.data())
@LAWS
def test_additive_over_adjacent_windows_cut_at_a_stamp(data: st.DataObject) -> None:
    trace = data.draw(traces(("mean", "counter")))
    cut = int(data.draw(st.sampled_from(trace.t_ns.tolist()[1:-1])))
    stamps = trace.t_ns.tolist()
    start = data.draw(st.integers(stamps[0], cut - 1))
    stop = data.draw(st.integers(cut + 1, stamps[-1]))
    parts = [energy(trace, Window(start, cut)), energy(trace, Window(cut, stop))]
    whole = energy(trace, Window(start, stop))
    assume(whole is not None and None not in parts)
    assert whole is not None
    total = sum(part.energy_j for part in parts if part is not None)
    outer = [
        found.edges[side]
        for found, side in ((parts[0], 0), (parts[1], 1), (whole, 0), (whole, 1))
        if found
    ]
    # a shorter part knows less of the load at the outer edges, and may find them by another rule
    tolerance = sum(abs(a.energy_j - b.energy_j) for a, b in zip(outer[:2], outer[2:], strict=True))
    assert total == pytest.approx(whole.energy_j, rel=1e-9, abs=1e-6 + tolerance)


@given(st.data(), st.integers(1, 9999))
@LAWS
def test_constant_power_is_exact_with_any_sampling(data: st.DataObject, power_w: int) -> None:
    trace = data.draw(traces(("mean", "instant", "estimate")))
    window = data.draw(windows(trace))
    steady = Trace(trace.channel, trace.t_ns, np.full(len(trace), float(power_w)))
    counted = Trace(channel("counter"), trace.t_ns, (trace.t_ns - trace.t_ns[0]) / 1e9 * power_w)
    for one in (steady, counted):
        found = energy(one, window)
        if found is not None:
            assert found.energy_j == pytest.approx(power_w * window.seconds, rel=1e-9)


@given(st.data())
@LAWS
def test_shares_and_uncertainties_are_sane(data: st.DataObject) -> None:
    trace = data.draw(traces())
    found = energy(trace, data.draw(windows(trace)))
    if found is not None:
        assert 0 < found.coverage <= 1
        assert 0 <= found.gap_share <= 1 + 1e-9
        assert found.energy_j > 0
        assert min(found.u_gap_j, found.u_sampling_j, found.rounding.u_j) >= 0
        assert min(edge.half_width_j for edge in found.edges) >= 0
        assert np.isfinite(flat(found)).all()
