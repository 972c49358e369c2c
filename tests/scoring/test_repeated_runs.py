"""Several runs of one entry: which count, and what their mean, scatter and rates are, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.formats.base import Run, Work
from harness.scoring.score import score, score_all
from harness.traces.trace import Trace
from tests.scoring.test_score import entry, lenders, run


def hotter(item: Run) -> Run:
    """The same run at the same time with other readings."""
    (trace,) = item.traces
    return replace(item, id=f"{item.id}_other", traces=(replace(trace, value=trace.value + 10),))


def test_two_runs_of_one_window_with_other_readings_both_count() -> None:
    plain = entry("a", 100.0, 102.0, 104.0)
    found = score(replace(plain, runs=(*plain.runs, hotter(plain.runs[0]))))
    assert found.distinct_runs == 4
    assert found.energy.value == pytest.approx(10_400)


def test_a_copy_beside_another_run_of_its_window_is_one_too_many() -> None:
    plain = entry("a", 100.0, 102.0)
    copy = replace(plain.runs[0], id="again")
    found = score(replace(plain, runs=(*plain.runs, hotter(plain.runs[0]), copy)))
    assert (found.n_runs, found.distinct_runs) == (4, 3)
    assert found.energy.value == pytest.approx((100 + 102 + 110) / 3 * 100)


def test_equal_readings_at_other_times_are_no_copy() -> None:
    assert score(entry("a", 100.0, 100.0, 100.0)).distinct_runs == 3


def test_where_every_run_missed_its_target_all_are_shown() -> None:
    plain = entry("a", 100.0, 102.0, task="training")
    failed = [replace(item, success=False) for item in plain.runs]
    assert score(replace(plain, runs=tuple(failed))).distinct_runs == 2
    one_reached = (failed[0], replace(failed[1], success=True))
    assert score(replace(plain, runs=one_reached)).energy.value == pytest.approx(10_200)


def test_runs_of_unequal_length_have_their_own_rates() -> None:
    """100 W for 100 s and 110 W for 300 s, at 1000 and 2000 queries."""
    runs = (run(100.0, 0), run(110.0, 1, seconds=300, work=Work(2000, "query")))
    found = score(replace(entry("a"), runs=runs))
    assert found.energy.value == pytest.approx((10_000 + 33_000) / 2)
    assert found.mean_power.value == pytest.approx(105.0)
    assert found.energy_per_unit.value == pytest.approx(math.sqrt(10 * 16.5))
    assert found.units_per_joule == pytest.approx(3000 / 43_000)


def test_three_runs_have_the_interval_of_students_t() -> None:
    """9, 10 and 11 kJ: s = 1 kJ, t(2) = 4.303, so 10 kJ +- 2.484 kJ (the meter adds little)."""
    found = score(entry("a", 90.0, 100.0, 110.0))
    half_j = 4.3027 * 1_000 / math.sqrt(3)
    assert found.energy.high == pytest.approx(10_000 + half_j, rel=0.01)
    assert found.energy.low == pytest.approx(10_000 - half_j, rel=0.01)
    logs = np.log([9.0, 10.0, 11.0])
    half_ln = 4.3027 * logs.std(ddof=1) / math.sqrt(3)
    mean = math.exp(logs.mean())
    assert found.energy_per_unit.value == pytest.approx(mean, rel=1e-3)
    assert found.energy_per_unit.high == pytest.approx(mean * math.exp(half_ln), rel=0.01)


def test_work_counts_only_where_every_run_states_it_in_one_unit() -> None:
    plain = entry("a", 100.0, 102.0)
    for work in (None, Work(0, "query"), Work(1000, "sample")):
        odd = replace(plain, runs=(plain.runs[0], replace(plain.runs[1], work=work)))
        found = score(odd)
        assert found.energy_per_unit.value is None
        assert found.energy.value == pytest.approx(10_100)


def test_lenders_have_three_runs_or_more() -> None:
    """A lone run borrows from five results of three runs, and not from five of two."""
    for runs, source in ((3, "borrowed"), (2, "unknown")):
        others = [replace(item, runs=item.runs[:runs]) for item in lenders(5)]
        lone, *_ = score_all([entry("a", 100.0), *others])
        assert lone.scatter is not None
        assert lone.scatter.source == source


def test_a_lone_run_borrows_the_scatter_that_its_lenders_have() -> None:
    """Five lenders of 1 %: t(4) = 2.776 times 1 %, not the width of the meter alone."""
    same = [
        entry(f"lender {k}", *(100 * math.exp(0.01 * x) for x in (-1.2247, 0.0, 1.2247)))
        for k in range(5)
    ]
    lone, *_ = score_all([entry("a", 100.0), *same])
    per_unit = lone.energy_per_unit
    half_ln = math.log(per_unit.high / per_unit.low) / 2  # type: ignore[operator]
    assert half_ln == pytest.approx(2.7764 * 0.01 * 1.2247, rel=0.02)


def test_energies_of_one_meter_add_with_their_offsets() -> None:
    """Two channels of one analyzer with 2 and 3 W of offset over 100 s, in each of two runs."""

    def two_channels(item: Run) -> Run:
        (trace,) = item.traces
        channels = [
            replace(
                trace.channel,
                id=f"phase {watts}",
                accuracy=replace(trace.channel.accuracy, range_limit_w=float(watts)),
            )
            for watts in (2, 3)
        ]
        return replace(item, traces=tuple(replace(trace, channel=item) for item in channels))

    plain = entry("a", 100.0, 102.0)
    found = score(replace(plain, runs=tuple(map(two_channels, plain.runs))))
    assert found.budget is not None
    (part,) = found.budget.metered
    assert part.energy == pytest.approx(20_200)
    assert part.offset_mpe_j == pytest.approx(500)


def sampled(item: Run, shift_s: float) -> Run:
    """Instant readings every second of a load that changes from one to the next."""
    (trace,) = item.traces
    value = trace.value + 20.0 * np.sin(2.4 * np.arange(len(trace)))
    t_ns = trace.t_ns + round(shift_s * 1e9)
    return replace(
        item,
        traces=(Trace(replace(trace.channel, kind="instant"), t_ns, value),),
    )


@pytest.mark.parametrize(
    ("shifts_s", "is_shared"),
    [
        ((0.0, 0.0, 0.0), True),
        ((0.0, 0.04, 0.02), True),
        ((0.0, 0.06, 0.0), False),
        ((0.0, 0.5, 0.25), False),
        ((0.98, 0.0, 0.99), True),
    ],
)
def test_sampling_repeats_where_readings_meet_every_run_alike(
    shifts_s: tuple[float, ...], is_shared: bool
) -> None:
    """An error that repeats stays in the budget of the mean; a new one is part of the scatter."""
    plain = entry("a", 90.0, 100.0, 110.0)
    runs = tuple(sampled(*pair) for pair in zip(plain.runs, shifts_s, strict=True))
    found = score(replace(plain, runs=runs))
    assert found.budget is not None
    names = {item.name for item in found.budget.components}
    assert ("sampling" in names) is is_shared


def test_one_run_is_no_repetition() -> None:
    """With the scatter of others, where its readings fall is part of that scatter."""
    alone = entry("a", 100.0)
    (item,) = alone.runs
    found, *_ = score_all([replace(alone, runs=(sampled(item, 0.0),)), *lenders(5)])
    assert found.scatter is not None
    assert found.scatter.source == "borrowed"
    assert found.budget is not None
    assert [c.correlation_key for c in found.budget.components if c.name == "sampling"] == [None]
