"""MLPerf Tiny: every form of the energy files, and what a broken one costs."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import JoulemarkError, UnreadableError
from harness.formats.base import Entry, Work
from harness.formats.discovery import Found, Skipped, find
from harness.formats.mlperf.tiny import FORMAT
from harness.formats.run_directory_writer import write_entry
from harness.scoring.mlperf_metrics import mlperf_metrics
from harness.scoring.score import score

SHARED = Path(__file__).resolve().parents[4] / "shared"
RATE = 1000
IDLE_UJ, BUSY_UJ = 1.0, 40.0
MARKERS = [0.018, *(round(2.0 + 4.0 * k + d, 3) for k in range(5) for d in (0.0, 2.5))]
"""Window 2k + 2 runs from 2 + 4k s to 4.5 + 4k s."""
INFERENCES = 500
ENERGY_UJ = 2500 * BUSY_UJ
PATH = "tiny_results_v1.2/closed/Acme/results/board/kws"


def _samples() -> list[float]:
    samples = [IDLE_UJ] * (24 * RATE)
    for begin, end in zip(MARKERS[1::2], MARKERS[2::2], strict=True):
        for k in range(round(begin * RATE), round(end * RATE)):
            samples[k] = BUSY_UJ
    return samples


def _results(energy_uj: float = ENERGY_UJ) -> str:
    lines = []
    for k in range(5):
        lines += [
            f"Energy data for window {2 * k + 2} at time {2.0 + 4 * k:.2f} for 2.50 sec.:",
            f"  Energy       :   {energy_uj:.3f} uJ",
            f"  Power        :    {energy_uj / 2.5:.3f} uW",
            f"  Energy/Inf.  :      {energy_uj / INFERENCES:.3f} uJ/inf.",
        ]
    lines.append(f"Median energy cost is {energy_uj / INFERENCES:.3f} uJ/inf.")
    for k in range(5):
        lines += [
            f"Performance results for window {2 * k + 2}:",
            f"  # Inferences :         {INFERENCES}",
            "  Runtime      :        2.500 sec.",
        ]
    return "".join(f"00150.{n:03d} ulp-ml: {line}\n" for n, line in enumerate(lines))


def result(tmp_path: Path) -> Path:
    """Write a result as the EnergyRunner does, and return its folder."""
    folder = tmp_path / PATH
    for name in ("energy", "performance", "accuracy"):
        (folder / name).mkdir(parents=True)
    energy = folder / "energy"
    (energy / "results.txt").write_text(_results(), "utf-8")
    (energy / "log.txt").write_text(
        "00053.8 session: m-session-start-id[20240322154745]\n"
        f"00054.3 parser: m-bm-cfg-name[ulp-ml]-key[iterInfer]-val[{INFERENCES}]\n"
        "00150.1 emon: m-regfile-fn[trace1-energy.bin]-type[emon]-name[lpm01a]\n"
        "00150.2 emon: m-voltage-mv[1800]\n",
        "utf-8",
    )
    samples = _samples()
    content = b"\xf1" + struct.pack(f"<{len(samples) + 1}f", RATE, *samples)
    (energy / "trace1-energy.bin").write_bytes(content)
    (energy / "trace1-timestamps.json").write_text(json.dumps(MARKERS), "utf-8")
    (folder / "performance" / "results.txt").write_text(
        "00100.1 ulp-mlperf: Median throughput is 201.5 inf./sec.\n", "utf-8"
    )
    (folder / "accuracy" / "results.txt").write_text("0 ulp-mlperf: Top-1: 90.2%\n", "utf-8")
    systems = tmp_path / "tiny_results_v1.2/closed/Acme/systems"
    systems.mkdir()
    (systems / "board.json").write_text('{"Voltage": "1.8", "Voltage": "1.8"}', "utf-8")
    return folder


def trials(folder: Path) -> None:
    """Turn a result into one of MLCommons' runner."""
    energy = folder / "energy"
    for path in energy.glob("trace1*"):
        path.unlink()
    samples = [IDLE_UJ * 1e-6] * 1000 + [BUSY_UJ * 1e-6] * 2500 + [IDLE_UJ * 1e-6] * 1000
    trial = {
        "infer": {"iterations": INFERENCES},
        "power": {"samples": samples, "timestamps": [["00", 1000], ["01", 3500]], "voltage": 1.8},
    }
    (energy / "results.json").write_text(json.dumps([trial] * 5), "utf-8")
    blocks = [
        f"Energy data for trial {k}\n  Elapsed time  : 2.5\n  Inferences    : {INFERENCES}\n"
        f"  Power         : 40.0 mW.\n  Total Energy  : {ENERGY_UJ:.3f} uJ\n"
        f"  Energy/Inf    : {ENERGY_UJ / INFERENCES:.3f} uJ/inf\n"
        for k in range(5)
    ]
    median = f"Median energy cost is {ENERGY_UJ / INFERENCES:.4f} uJ/inf.\n"
    (energy / "results.txt").write_text("".join(blocks) + median, "utf-8")


def read(folder: Path) -> Entry:
    (place,) = (place for place in find(folder) if isinstance(place, Found))
    assert place.format.name == "mlperf-tiny"
    return place.read()


def codes(entry: Entry) -> list[str]:
    return [defect.code for defect in entry.defects]


@pytest.mark.parametrize("runner", ["EnergyRunner", "MLCommons"])
def test_each_window_is_a_run_with_the_energy_of_its_trace(runner: str, tmp_path: Path) -> None:
    folder = result(tmp_path)
    if runner == "MLCommons":
        trials(folder)
    entry = read(folder)
    assert codes(entry) == []
    assert (entry.round, entry.submitter, entry.system) == ("mlperf-tiny-v1.2", "Acme", "board")
    assert (entry.division, entry.benchmark, entry.scenario) == ("closed", "kws", "SingleStream")
    assert [run.work for run in entry.runs] == [Work(INFERENCES, "query")] * 5
    (trace,) = entry.runs[0].traces
    assert (trace.channel.kind, trace.channel.boundary) == ("mean", "rail")
    scored = score(entry, draws=1000)
    energies = [run.energy_j for run in scored.runs]
    assert energies == pytest.approx([ENERGY_UJ * 1e-6] * 5, rel=5e-4)


def test_what_is_printed_stands_beside_the_trace(tmp_path: Path) -> None:
    run = read(result(tmp_path)).runs[0]
    tiny = run.evidence.tiny
    assert tiny is not None
    assert (tiny.energy_uj, tiny.median_uj, tiny.voltage_v) == (ENERGY_UJ, 200.0, 1.8)
    assert tiny.recomputed_uj is not None
    assert tiny.recomputed_uj[0] <= ENERGY_UJ <= tiny.recomputed_uj[1]
    assert run.quality is not None
    assert (run.quality.metric, run.quality.value, run.quality.target) == ("top-1", 90.2, 90.0)
    assert run.performance is not None
    assert run.performance.value == 201.5
    assert run.traces[0].channel.meter == "st-lpm01a"


def test_a_result_without_a_trace_is_declared(tmp_path: Path) -> None:
    folder = result(tmp_path)
    for path in (folder / "energy").glob("trace1*"):
        path.unlink()
    entry = read(folder)
    assert codes(entry) == []
    assert [run.declared_energy_j for run in entry.runs] == [ENERGY_UJ * 1e-6] * 5
    assert score(entry, draws=1000).measurement_class == "declared"


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("trace1-energy.bin", lambda c: c[:-1], "trace-unreadable"),
        ("trace1-energy.bin", lambda c: c[: len(c) // 2 + 2], "trace-unreadable"),
        ("trace1-energy.bin", lambda c: b"\x00" + c[1:], "trace-unreadable"),
        ("trace1-energy.bin", lambda c: c[:1] + struct.pack("<f", 0.0) + c[5:], "trace-unreadable"),
        ("trace1-energy.bin", lambda _: b"", "file-empty"),
        ("trace1-timestamps.json", lambda _: json.dumps(MARKERS[:-1]).encode(), "trace-unreadable"),
        (
            "trace1-timestamps.json",
            lambda _: json.dumps(MARKERS[::-1]).encode(),
            "trace-unreadable",
        ),
        ("trace1-timestamps.json", lambda _: b'["1,5", 2]', "trace-unreadable"),
        ("trace1-energy.bin", lambda c: c[:5] + scaled(c[5:], 0.9), "energy-differs"),
        (
            "results.txt",
            lambda c: c.replace(b"100000.000", b"90000.000", 1),
            "window-energy-differs",
        ),
        ("results.txt", lambda c: c.replace(b"cost is 200", b"cost is 190"), "energy-differs"),
        ("log.txt", None, "file-unreadable"),
    ],
)
def test_broken_files_are_findings(name: str, change: Any, code: str, tmp_path: Path) -> None:
    folder = result(tmp_path)
    path = folder / "energy" / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    assert code in codes(read(folder))


def scaled(content: bytes, factor: float) -> bytes:
    values = struct.unpack(f"<{len(content) // 4}f", content)
    return struct.pack(f"<{len(values)}f", *(value * factor for value in values))


def test_results_with_carriage_returns_are_read(tmp_path: Path) -> None:
    folder = result(tmp_path)
    path = folder / "energy" / "results.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert codes(read(folder)) == []


def test_results_with_a_decimal_comma_are_read_and_said(tmp_path: Path) -> None:
    folder = result(tmp_path)
    path = folder / "energy" / "results.txt"
    path.write_text(path.read_text("utf-8").replace(".000 uJ", ",000 uJ"), "utf-8")
    entry = read(folder)
    assert codes(entry) == ["csv-dialect"]
    assert entry.runs[0].declared_energy_j == pytest.approx(ENERGY_UJ * 1e-6)


@pytest.mark.parametrize("content", ["", "nothing\n"])
def test_results_without_an_energy_are_refused(content: str, tmp_path: Path) -> None:
    folder = result(tmp_path)
    (folder / "energy" / "results.txt").write_text(content, "utf-8")
    with pytest.raises(UnreadableError, match="prints no energy"):
        read(folder)


@pytest.mark.parametrize(
    "trial",
    [
        {"power": {"samples": [1e-6] * 9, "timestamps": [["00", 3]]}},
        {"power": {"samples": [1e-6] * 9, "timestamps": [["00", 3], ["01", 99]]}},
        {"power": {"samples": ["x"], "timestamps": [["00", 0], ["01", 1]]}},
        {"power": {"samples": [[1.0], [2.0]], "timestamps": [["00", 0], ["01", 1]]}},
    ],
)
def test_broken_trials_are_findings(trial: Any, tmp_path: Path) -> None:
    folder = result(tmp_path)
    trials(folder)
    (folder / "energy" / "results.json").write_text(json.dumps([trial] * 5), "utf-8")
    assert codes(read(folder)) == ["trace-unreadable"]


def test_a_benchmark_without_energy_is_skipped_with_the_reason(tmp_path: Path) -> None:
    folder = result(tmp_path)
    (folder / "energy").rename(tmp_path / "elsewhere")
    (place,) = find(tmp_path / PATH.split("/")[0])
    assert isinstance(place, Skipped)
    assert "no energy was measured" in place.reason or "no power was measured" in place.reason


def test_a_result_survives_the_import(tmp_path: Path) -> None:
    entry = read(result(tmp_path))
    write_entry(entry, tmp_path / "own")
    (place,) = find(tmp_path / "own")
    assert isinstance(place, Found)
    again = place.read()
    assert again.family == "mlperf-tiny"
    assert [run.evidence.tiny for run in again.runs] == [run.evidence.tiny for run in entry.runs]


def test_windows_that_were_swapped_are_findings(tmp_path: Path) -> None:
    folder = result(tmp_path)
    energy = folder / "energy" / "trace1-energy.bin"
    content = energy.read_bytes()
    samples = _samples()
    for k in range(round(MARKERS[1] * RATE), round(MARKERS[2] * RATE)):
        samples[k] *= 1.01
    energy.write_bytes(content[:5] + struct.pack(f"<{len(samples)}f", *samples))
    assert codes(read(folder)) == ["window-energy-differs"]


def test_a_trial_with_a_marker_too_many_takes_the_two_that_fit_its_length(tmp_path: Path) -> None:
    folder = result(tmp_path)
    trials(folder)
    path = folder / "energy" / "results.json"
    document = json.loads(path.read_text("utf-8"))
    document[0]["power"]["timestamps"].insert(0, ["99", 300])
    path.write_text(json.dumps(document), "utf-8")
    entry = read(folder)
    assert codes(entry) == []
    assert entry.runs[0].seconds == 2.5


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(["results.txt", "log.txt", "trace1-timestamps.json", "trace1-energy.bin"]),
    position=st.floats(0, 1),
    junk=st.binary(max_size=12),
    removed=st.integers(0, 40),
)
def test_a_broken_byte_is_a_finding_or_a_refusal_never_more(
    tmp_path_factory: pytest.TempPathFactory, name: str, position: float, junk: bytes, removed: int
) -> None:
    folder = result(tmp_path_factory.mktemp("tiny"))
    path = folder / "energy" / name
    content = path.read_bytes()
    at = round(position * len(content))
    path.write_bytes(content[:at] + junk + content[at + removed :])
    message = ""
    try:
        read(folder)
    except JoulemarkError as error:
        message = str(error)
    assert "Please report" not in message


def test_published_results(tmp_path: Path, expected: Callable[[str], list[dict[str, str]]]) -> None:
    """Every window within the rounding of its markers, every median to the printed digit."""
    rows = expected("mlperf-tiny")
    unpack = SHARED / "data" / "unpack"
    subprocess.run([str(unpack), str(tmp_path), "mlperf-tiny"], check=True, capture_output=True)
    tree = tmp_path / "mlperf-tiny"
    places = {place.id: place for place in find(tree) if isinstance(place, Found)}
    assert len(places) == len(rows)
    for row in rows:
        entry = places[f"{row['round']}/{row['result']}"].read()
        assert not {"energy-differs", "window-energy-differs"} & set(codes(entry))
        printed = [f"{run.evidence.tiny.energy_uj:.3f}" for run in entry.runs]  # type: ignore[union-attr]
        assert ";".join(printed) == row["published_window_energy_uJ"]
        assert entry.runs[0].evidence.tiny is not None
        assert entry.runs[0].evidence.tiny.median_uj == float(
            row["published_median_uJ_per_inference"]
        )
        metric = mlperf_metrics(entry, (), 0.95)["mlperf_tiny"]
        printed_median = row["published_median_uJ_per_inference"]
        digits = len(printed_median.partition(".")[2])
        assert f"{metric['value']:.{digits}f}" == printed_median
        assert bool(entry.runs[0].traces) == (row["raw_trace"] != "none")
        assert entry.format == FORMAT.name
