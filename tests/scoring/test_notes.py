"""Notes beside a result: there where they apply, and absent where they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.formats.base import Defect, Entry, Rated
from harness.formats.defects import DefectCode
from harness.formats.evidence import Evidence
from harness.scoring.score import score, score_all
from harness.traces.channel import Accuracy
from harness.traces.clean import FAILED
from harness.traces.trace import Dropped, Trace
from tests.auditing.rules import builders as b
from tests.scoring.test_run_scatter import paired
from tests.scoring.test_score import entry, lenders, run

PLAIN = entry("a", 99.0, 100.0, 101.0, 100.5, 99.5)
"""Five runs of a known meter whose readings cover the window: nothing needs saying."""


def on_channels(evidence: Entry, change: Callable[[int, Trace], Trace]) -> Entry:
    runs = tuple(
        replace(item, traces=tuple(change(number, trace) for trace in item.traces))
        for number, item in enumerate(evidence.runs)
    )
    return replace(evidence, runs=runs)


def channels(**changes: Any) -> Callable[[int, Trace], Trace]:
    return lambda _, trace: replace(trace, channel=replace(trace.channel, **changes))


def limits(**given: Any) -> Accuracy:
    return Accuracy(**({"reading_limit_pct": 0.1, "source": "test"} | given))


def test_a_plain_result_has_no_notes() -> None:
    assert score(PLAIN).notes == ()


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (channels(accuracy=limits(assumed=True)), "the meter is unknown"),
        (channels(clock_error_s=None), "clock error unknown"),
        (channels(conversion_efficiency=0.94), "conversion efficiency of 0.94"),
        (channels(sampled_share=0.25), "samples 25% of the time"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_each_note_stands_alone(change: Callable[[int, Trace], Trace], note: str) -> None:
    notes = score(on_channels(PLAIN, change)).notes
    assert len(notes) == 1
    assert note in notes[0]
    assert " to " not in notes[0].partition("efficiency of")[2]


@pytest.mark.parametrize(("failures", "words"), [(1, "1 failed reading"), (2, "2 failed readings")])
def test_failed_readings_are_said_with_the_text_of_the_first(failures: int, words: str) -> None:
    start_ns = PLAIN.runs[0].window.start_ns
    failed = tuple(
        Dropped(60 + k, start_ns + k, text, FAILED)
        for k, text in enumerate(["1.8e+19", "nan"][:failures])
    )

    def with_failures(number: int, trace: Trace) -> Trace:
        return trace if number else replace(trace, dropped=failed)

    (note,) = score(on_channels(PLAIN, with_failures)).notes
    assert note.endswith(f": {words} left out (first: 1.8e+19)")


def test_a_counter_that_began_anew_is_said() -> None:
    seconds = np.arange(-5.0, 126.0)
    counted_j = np.where(seconds < 60, 5000 + 100 * seconds, 100 * (seconds - 60))
    evidence = b.entry(b.run(b.trace(seconds, counted_j, "counter"), window=b.window(0, 120)))
    notes = score(evidence, draws=20_000).notes
    assert [note for note in notes if "began anew once inside the window" in note]


def test_without_a_run_that_counts_there_is_one_note() -> None:
    assert score(entry("a")).notes == ("no run has both a window and usable readings in it",)


def test_a_model_that_nobody_declared_is_no_unknown_meter() -> None:
    modelled = channels(kind="estimate", accuracy=limits(assumed=True))
    (note,) = score(on_channels(PLAIN, modelled)).notes
    assert note.startswith("modelled by watts that nobody declared")
    assert score(on_channels(PLAIN, channels(kind="estimate"))).notes == ()


def test_a_meter_and_a_model_that_are_both_assumed_have_a_note_each() -> None:
    def first_modelled(number: int, trace: Trace) -> Trace:
        kind = "mean" if number else "estimate"
        return channels(kind=kind, accuracy=limits(assumed=True))(number, trace)

    notes = score(on_channels(PLAIN, first_modelled)).notes
    assert [note.split()[0] for note in notes] == ["the", "modelled"]


def test_efficiencies_of_1_say_nothing_and_several_are_a_range() -> None:
    assert score(on_channels(PLAIN, channels(conversion_efficiency=1.0))).notes == ()

    def falling(number: int, trace: Trace) -> Trace:
        return channels(conversion_efficiency=0.95 - 0.01 * number)(number, trace)

    (note,) = score(on_channels(PLAIN, falling)).notes
    assert note == (
        "readings times a declared conversion efficiency of 0.91 to 0.95: a peak at most, and the "
        "interval holds part load too"
    )


@pytest.mark.parametrize(("n", "sets"), [(1, 0), (2, 2), (3, 3)])
def test_several_limits_of_one_calibration_are_counted(n: int, sets: int) -> None:
    def graded(number: int, trace: Trace) -> Trace:
        return channels(accuracy=limits(reading_limit_pct=0.1 * (1 + number % n)))(number, trace)

    notes = [note for note in score(on_channels(PLAIN, graded)).notes if "sets" in note]
    assert notes == (
        [f"calibration m is given {sets} sets of limits: each channel keeps its own"]
        if sets
        else []
    )


def test_a_window_that_readings_cover_in_part_is_said_with_the_share() -> None:
    def cut(number: int, trace: Trace) -> Trace:
        return trace.slice(0, len(trace) - 15) if number == 2 else trace

    (note,) = score(on_channels(PLAIN, cut)).notes
    assert note == "readings cover 90.00% of the window in the worst run; the rest is filled"


def test_a_rated_part_is_estimated_and_that_is_said() -> None:
    rated = Rated(id="switch", power_w=5.0, boundary="wall", idle_share=0.5, source="sheet")
    runs = tuple(replace(item, rated=(rated,)) for item in PLAIN.runs)
    (note,) = score(replace(PLAIN, runs=runs)).notes
    assert note == "part of the energy is estimated, not measured"


def number_of_runs(evidence: Entry) -> list[str]:
    return [note for note in score(evidence).notes if "run" in note]


def test_the_number_of_runs_is_said_up_to_four() -> None:
    assert number_of_runs(entry("a", 100.0)) == [
        "one run: the interval holds for this run, scatter between runs is unknown"
    ]
    for n in (2, 3, 4):
        assert number_of_runs(entry("a", *range(100, 100 + n))) == [
            f"{n} runs: with fewer than 5 the rank is provisional"
        ]
    assert number_of_runs(entry("a", *range(100, 105))) == []


def test_a_pair_or_a_loan_is_said_in_place_of_the_number_of_runs() -> None:
    (pair,) = number_of_runs(paired(100.0, 100.3))
    assert pair.startswith("one timed run: scatter between runs is shown by its ranging run and")
    assert "1960 published pairs" in pair
    one, two, *_ = score_all([entry("a", 100.0), entry("b", 100.0, 100.5), *lenders(5)])
    assert [note for note in one.notes if "run" in note] == [
        "1 run: scatter between runs is borrowed from other results of the table"
    ]
    assert [note for note in two.notes if "run" in note] == [
        "2 runs: scatter between runs is borrowed from other results of the table"
    ]


def test_runs_that_do_not_count_are_counted() -> None:
    aborted = [replace(run(500.0, 9 + n), success=False) for n in range(2)]
    found = number_of_runs(replace(PLAIN, runs=(*PLAIN.runs, *aborted)))
    assert found == ["2 of 7 runs do not count: no energy, aborted, or a copy of another run"]


def test_only_some_defects_are_notes_and_a_sensor_is_named_once() -> None:
    defects = (
        Defect(DefectCode.LOCAL_TIME, "log", "stamps without a zone"),
        Defect(DefectCode.FILE_EMPTY, "log", "nothing"),
        Defect(DefectCode.RUN_INCOMPLETE, "run_9", "run_9 is incomplete"),
        Defect(DefectCode.COUNTER_FROZEN, "run_1", "gpu-0 stands still for 10 s"),
        Defect(DefectCode.COUNTER_FROZEN, "run_2", "gpu-0 stands still for 20 s"),
        Defect(DefectCode.COUNTER_FROZEN, "run_2", "gpu-1 stands still for 20 s"),
    )
    assert score(replace(PLAIN, defects=defects)).notes == (
        "run_9 is incomplete",
        "stamps without a zone",
        "gpu-0 stands still for 10 s",
        "gpu-1 stands still for 20 s",
    )


@pytest.mark.parametrize("lost", [None, "energy_j", "start_ns", "stop_ns"])
def test_what_slurm_counted_stands_beside_the_result_if_it_is_whole(lost: str | None) -> None:
    witness: dict[str, Any] = {"energy_j": 9_000, "start_ns": 10**9, "stop_ns": 31 * 10**8}
    if lost is not None:
        witness[lost] = None
    evidence = Evidence(extra={"slurm_step_energy": witness})
    runs = tuple(replace(item, evidence=evidence) for item in PLAIN.runs)
    notes = [note for note in score(replace(PLAIN, runs=runs)).notes if "Slurm" in note]
    if lost is None:
        assert notes[0].startswith("Slurm counts 9000 J for the job step in the 2.1 s that hold")
    else:
        assert notes == []
