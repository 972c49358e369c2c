"""Plain CSV traces under a declared header: the way in for any meter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lab_simulator import PERFECT, simulate_window, write_csv

from harness.core.errors import JoulemarkError, UnreadableError, UsageError
from harness.core.timestamps import to_iso
from harness.formats.base import Work
from harness.formats.csv_trace import FORMAT
from harness.formats.discovery import Found, find
from harness.scoring.score import score

HEADER: dict[str, Any] = {
    "schema_version": "1.0",
    "id": "total",
    "quantity": "power",
    "unit": "W",
    "kind": "mean",
    "boundary": "wall",
    "calibration_id": "meter-7",
    "accuracy": {"reading_limit_pct": 0.1, "source": "data sheet"},
    "clock_error_s": 0.0,
}


def play(path: Path, kind: str = "mean", seed: int = 1, seconds: float = 60.0, **run: Any) -> Any:
    """A simulated session as declared CSV; its truth."""
    recording, truth = simulate_window(
        kind, seed=seed, duration_s=seconds, error=PERFECT, resolution=0.01
    )
    energy = {"quantity": "energy", "unit": "J"} if kind == "counter" else {}
    said = {"window": {"start": to_iso(truth.t0_ns), "stop": to_iso(truth.t1_ns)}} | run
    write_csv(
        path,
        recording,
        HEADER | energy | {"kind": kind, "run": {k: v for k, v in said.items() if v != "absent"}},
    )
    return truth


@pytest.mark.parametrize("kind", ["mean", "instant", "counter", "estimate"])
def test_a_declared_session_of_each_kind(kind: str, tmp_path: Path) -> None:
    truth = play(
        tmp_path / "a.csv",
        kind,
        work={"count": 500, "unit": "query"},
        benchmark="mine",
        submitter="me",
    )
    (place,) = find(tmp_path)
    entry = place.read()
    result = score(entry, draws=10_000)
    assert (entry.format, entry.benchmark, entry.submitter, entry.defects) == (
        "csv",
        "mine",
        "me",
        (),
    )
    assert result.energy.value == pytest.approx(
        truth.energy_j, rel=5e-4 if kind in ("mean", "counter") else 2e-2
    )
    assert result.energy_per_unit.value == pytest.approx(result.energy.value / 500)
    assert result.energy_per_unit.unit == "J/query"
    assert result.measurement_class == ("modelled" if kind == "estimate" else "sensor")


def test_one_file_is_an_entry_too(tmp_path: Path) -> None:
    truth = play(tmp_path / "a.csv")
    (place,) = find(tmp_path / "a.csv")
    assert place.id == "a"
    assert score(place.read(), draws=10_000).energy.value == pytest.approx(truth.energy_j, rel=5e-4)


def test_each_file_is_one_run(tmp_path: Path) -> None:
    truths = [play(tmp_path / f"run-{seed}.csv", seed=seed, seconds=60 + seed) for seed in range(3)]
    result = score(FORMAT.read(tmp_path, "it"), draws=10_000)
    assert [run.energy_j for run in result.runs] == pytest.approx(
        [truth.energy_j for truth in truths], rel=5e-4
    )
    assert result.measurand == "long-run mean"


def test_fail_two_recordings_of_one_channel_in_one_window(tmp_path: Path) -> None:
    """Two feeds whose header was copied are no two runs."""
    for seed in range(2):
        play(tmp_path / f"feed-{seed}.csv", seed=seed)
    with pytest.raises(UnreadableError, match="one window and one channel id, with different"):
        FORMAT.read(tmp_path, "it")


def test_without_a_window_the_whole_trace_is_taken_and_that_is_noted(tmp_path: Path) -> None:
    play(tmp_path / "a.csv", window="absent")
    entry = FORMAT.read(tmp_path, "it")
    assert [defect.code for defect in entry.defects] == ["window-assumed"]
    trace = entry.runs[0].traces[0]
    assert (entry.runs[0].window.start_ns, entry.runs[0].window.stop_ns) == (
        trace.t_ns[0],
        trace.t_ns[-1],
    )


def test_fields_of_a_later_release_are_no_fault(tmp_path: Path) -> None:
    play(
        tmp_path / "a.csv",
        work={"count": 5, "unit": "query", "later": 1},
        later={"x": 1},
        performance={"value": 3.0, "unit": "Queries/s", "later": 2},
        quality={"metric": "f1", "value": 0.9, "later": 3},
    )
    run = FORMAT.read(tmp_path, "it").runs[0]
    assert (run.work.count, run.performance.value, run.quality.value) == (5, 3.0, 0.9)


@pytest.mark.parametrize(
    "run",
    [
        {"window": {"start": "yesterday"}},
        {"window": 5},
        {"window": "start"},
        {"task": "cooking"},
        {"work": {"count": "many", "unit": "query"}},
        {"work": [1, 2]},
        {"work": {"count": -1, "unit": "query"}},
        {"performance": 5},
        {"quality": {}},
        {"window": {"start": "2026-13-45T00:00:00Z", "stop": "2026-01-01T00:00:00Z"}},
    ],
    ids=str,
)
def test_a_run_that_is_declared_wrongly_is_refused(run: dict, tmp_path: Path) -> None:
    play(tmp_path / "a.csv", **run)
    (place,) = find(tmp_path)
    with pytest.raises(JoulemarkError) as caught:
        place.read()
    assert "Please report" not in str(caught.value)
    assert "a.csv" in str(caught.value)


def test_a_trace_without_readings_is_refused(tmp_path: Path) -> None:
    play(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines[:2]) + "\n")
    with pytest.raises(UnreadableError, match="has no reading"):
        FORMAT.read(tmp_path, "it")


def test_other_csv_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    assert list(find(tmp_path)) == []
    play(tmp_path / "a.csv")
    (place,) = find(tmp_path)
    assert [run.id for run in place.read().runs] == ["a"]
    with pytest.raises(UnreadableError, match="is not a power trace"):
        list(find(tmp_path / "table.csv"))


def test_format_can_be_demanded(tmp_path: Path) -> None:
    play(tmp_path / "a.csv")
    assert [type(place) for place in find(tmp_path, format_name="csv")] == [Found]
    assert list(find(tmp_path, format_name="joulemark")) == []
    with pytest.raises(UsageError, match="no such format"):
        list(find(tmp_path, format_name="morse"))


HEAD = {
    "id": "a",
    "quantity": "power",
    "unit": "W",
    "kind": "mean",
    "boundary": "pdu",
    "meter": "unknown-sensor",
    "calibration_id": "x/1",
    "accuracy": {"reading_limit_pct": 5, "source": "test"},
    "nominal_interval_s": 1,
    "schema_version": "1.0",
}
T0_S = 1_767_607_200
SPAN = {"start": "2026-01-05T10:00:02Z", "stop": "2026-01-05T10:00:12Z"}


def declared(
    path: Path, rows: str, columns: str = "t_ns,power_w", run: Any = None, **channel: Any
) -> Path:
    header = HEAD | {"run": run or {"window": SPAN}} | channel
    text = f"# joulemark-trace: {json.dumps(header)}\n{columns}\n{rows}\n"
    path.write_text(text, "utf-8")
    return path


def rows(watts: float = 60.5, form: str = "{s}000000000,{w}") -> str:
    return "\n".join(form.format(s=T0_S + k, w=watts) for k in range(15))


def energy_j(path: Path) -> float:
    (place,) = find(path)
    (run,) = score(place.read(), draws=10_000).runs
    return run.energy_j


class TestAsPeopleWriteThem:
    @pytest.mark.parametrize(
        ("text", "columns", "note"),
        [
            (rows(form="{s}000000000;{w}").replace(".", ","), "t_ns;power_w", "decimal comma"),
            (rows(form="{s}000000000;{w}").replace(".", ","), "t_ns,power_w", "semicolons"),
            (rows(form="{s}000000000\t{w}"), "t_ns\tpower_w", "tabs"),
            (rows(form="{s}000,{w}"), "t_ms,power_w", "t_ms"),
            (rows(form="{s}000000,{w}"), "t_us,power_w", "t_us"),
            (rows(form="{s}.000,{w}"), "t_s,power_w", "t_s"),
            (rows(form='"{s}000000000";"{w}"'), '"t_ns";"power_w"', "semicolons"),
        ],
    )
    def test_read_as_it_is_written_and_said(
        self, text: str, columns: str, note: str, tmp_path: Path
    ) -> None:
        path = declared(tmp_path / "a.csv", text, columns)
        assert energy_j(path) == pytest.approx(605.0)
        (defect,) = FORMAT.read(path, "it").defects
        assert defect.code == "csv-dialect"
        assert note in defect.got

    def test_a_byte_order_mark_is_no_part_of_the_header(self, tmp_path: Path) -> None:
        path = declared(tmp_path / "a.csv", rows())
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        assert energy_j(tmp_path) == pytest.approx(605.0)

    def test_decimals_of_seconds_are_kept_to_the_nanosecond(self, tmp_path: Path) -> None:
        path = declared(tmp_path / "a.csv", f"{T0_S}.123456789,1.0", "t_s,power_w")
        (run,) = FORMAT.read(path, "it").runs
        assert run.traces[0].t_ns.tolist() == [T0_S * 10**9 + 123456789]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (rows(form="{s}000,{w}"), "look like milliseconds"),
            (rows(form="{s},{w}"), "look like seconds"),
            (rows(form="{s}000000,{w}"), "look like microseconds"),
            (rows(form="1.7676072e+18,{w}"), "no whole numbers"),
            (rows(form="{s}.5,{w}"), "no whole numbers"),
        ],
    )
    def test_times_that_are_no_nanoseconds_are_refused(
        self, text: str, message: str, tmp_path: Path
    ) -> None:
        path = declared(tmp_path / "a.csv", text)
        with pytest.raises(UnreadableError, match=message) as caught:
            FORMAT.read(path, "it")
        assert "t_s" in caught.value.fix or "t_m" in caught.value.fix or "t_u" in caught.value.fix

    def test_utf_16_is_named(self, tmp_path: Path) -> None:
        path = declared(tmp_path / "a.csv", rows())
        path.write_bytes(path.read_text("utf-8").encode("utf-16"))
        (place,) = find(tmp_path)
        with pytest.raises(UnreadableError, match="UTF-16"):
            place.read()

    @pytest.mark.parametrize("cell", ["1_0", "６０", "nan", "inf", ""])
    def test_what_only_python_reads_as_a_number_is_dropped(self, cell: str, tmp_path: Path) -> None:
        text = rows().replace("60.5", cell, 1)
        (run,) = FORMAT.read(declared(tmp_path / "a.csv", text), "it").runs
        (trace,) = run.traces
        assert len(trace) == 14
        assert [item.raw for item in trace.dropped] == [cell]


class TestSeveralFiles:
    def test_channels_of_one_window_are_one_run_and_add_up(self, tmp_path: Path) -> None:
        declared(tmp_path / "feed-a.csv", rows(350.0), id="a")
        declared(tmp_path / "feed-b.csv", rows(340.0), id="b")
        assert energy_j(tmp_path) == pytest.approx(6900.0)
        (run,) = FORMAT.read(tmp_path, "it").runs
        assert (run.id, len(run.traces), run.sources) == ("feed", 2, ("feed-a.csv", "feed-b.csv"))

    def test_a_channel_inside_another_does_not_add(self, tmp_path: Path) -> None:
        declared(tmp_path / "wall.csv", rows(500.0), id="wall", boundary="wall")
        declared(tmp_path / "gpu.csv", rows(300.0), id="gpu", boundary="board", part_of="wall")
        assert energy_j(tmp_path) == pytest.approx(5000.0)

    def test_two_boundaries_without_part_of_are_refused(self, tmp_path: Path) -> None:
        declared(tmp_path / "wall.csv", rows(500.0), id="wall", boundary="wall")
        declared(tmp_path / "gpu.csv", rows(300.0), id="gpu", boundary="board")
        with pytest.raises(UnreadableError, match="which contains which"):
            FORMAT.read(tmp_path, "it")

    def test_windows_that_overlap_and_differ_are_refused(self, tmp_path: Path) -> None:
        later = {"start": "2026-01-05T10:00:03Z", "stop": "2026-01-05T10:00:13Z"}
        declared(tmp_path / "a.csv", rows(), id="a")
        declared(tmp_path / "b.csv", rows(), id="b", run={"window": later})
        with pytest.raises(UnreadableError, match="overlap"):
            FORMAT.read(tmp_path, "it")

    def test_files_that_state_another_work_are_refused(self, tmp_path: Path) -> None:
        for name, n in (("a", 10), ("b", 11)):
            run = {"window": SPAN, "work": {"count": n, "unit": "query"}}
            declared(tmp_path / f"{name}.csv", rows(), id=name, run=run)
        with pytest.raises(UnreadableError, match="another work"):
            FORMAT.read(tmp_path, "it")

    def test_work_that_one_file_states_is_that_of_the_run(self, tmp_path: Path) -> None:
        declared(tmp_path / "a.csv", rows(), id="a")
        run = {"window": SPAN, "work": {"count": 10, "unit": "query"}}
        declared(tmp_path / "b.csv", rows(), id="b", run=run)
        assert FORMAT.read(tmp_path, "it").runs[0].work == Work(10, "query")
