"""MLPerf Tiny: every form of the energy files, and what a broken one costs."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import api
from harness.core.errors import JoulemarkError, UnreadableError
from harness.formats.base import Entry, Work
from harness.formats.discovery import Found, Skipped, find
from harness.formats.mlperf.tiny import FORMAT
from harness.formats.mlperf.tiny_files.log import benchmark_named, read_windows
from harness.formats.run_directory_writer import write_entry
from harness.scoring.mlperf_metrics import mlperf_metrics
from harness.scoring.score import score
from tests.tampers import tiny

SHARED = Path(__file__).resolve().parents[4] / "shared"


def read(folder: Path) -> Entry:
    (place,) = (place for place in find(folder) if isinstance(place, Found))
    assert place.format.name == "mlperf-tiny"
    return place.read()


def codes(entry: Entry) -> list[str]:
    return [defect.code for defect in entry.defects]


@pytest.mark.parametrize("runner", ["EnergyRunner", "MLCommons"])
def test_each_window_is_a_run_with_the_energy_of_its_trace(runner: str, tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    if runner == "MLCommons":
        tiny.trials(folder)
    entry = read(folder)
    assert codes(entry) == []
    assert (entry.round, entry.submitter, entry.system) == ("mlperf-tiny-v1.2", "Acme", "board")
    assert (entry.division, entry.benchmark, entry.scenario) == ("closed", "kws", "SingleStream")
    assert [run.work for run in entry.runs] == [Work(tiny.INFERENCES, "query")] * 5
    (trace,) = entry.runs[0].traces
    assert (trace.channel.kind, trace.channel.boundary) == ("mean", "rail")
    scored = score(entry, draws=1000)
    energies = [run.energy_j for run in scored.runs]
    assert energies == pytest.approx([tiny.ENERGY_UJ * 1e-6] * 5, rel=5e-4)


def test_what_is_printed_stands_beside_the_trace(tmp_path: Path) -> None:
    run = read(tiny.result(tmp_path)).runs[0]
    stated = run.evidence.tiny
    assert stated is not None
    assert (stated.energy_uj, stated.median_uj, stated.voltage_v) == (tiny.ENERGY_UJ, 200.0, 1.8)
    assert stated.recomputed_uj is not None
    assert stated.recomputed_uj[0] <= tiny.ENERGY_UJ <= stated.recomputed_uj[1]
    assert run.quality is not None
    assert (run.quality.metric, run.quality.value, run.quality.target) == ("top-1", 90.2, 90.0)
    assert run.performance is not None
    assert run.performance.value == 201.5
    assert run.traces[0].channel.meter == "st-lpm01a"


def test_a_result_without_a_trace_is_declared(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    for path in (folder / "energy").glob("trace1*"):
        path.unlink()
    entry = read(folder)
    assert codes(entry) == []
    assert [run.declared_energy_j for run in entry.runs] == [tiny.ENERGY_UJ * 1e-6] * 5
    assert score(entry, draws=1000).measurement_class == "declared"


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("trace1-energy.bin", lambda c: c[:-1], "trace-unreadable"),
        ("trace1-energy.bin", lambda c: c[: len(c) // 2 + 2], "trace-unreadable"),
        ("trace1-energy.bin", lambda c: b"\x00" + c[1:], "trace-unreadable"),
        ("trace1-energy.bin", lambda c: c[:1] + struct.pack("<f", 0.0) + c[5:], "trace-unreadable"),
        ("trace1-energy.bin", lambda _: b"", "file-empty"),
        (
            "trace1-timestamps.json",
            lambda _: json.dumps(tiny.MARKERS[:-1]).encode(),
            "trace-unreadable",
        ),
        (
            "trace1-timestamps.json",
            lambda _: json.dumps(tiny.MARKERS[::-1]).encode(),
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
    folder = tiny.result(tmp_path)
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
    folder = tiny.result(tmp_path)
    path = folder / "energy" / "results.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert codes(read(folder)) == []


def test_results_with_a_decimal_comma_are_read_and_said(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    path = folder / "energy" / "results.txt"
    path.write_text(path.read_text("utf-8").replace(".000 uJ", ",000 uJ"), "utf-8")
    entry = read(folder)
    assert codes(entry) == ["csv-dialect"]
    assert entry.runs[0].declared_energy_j == pytest.approx(tiny.ENERGY_UJ * 1e-6)


@pytest.mark.parametrize("content", ["", "nothing\n"])
def test_results_without_an_energy_are_refused(content: str, tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
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
    folder = tiny.result(tmp_path)
    tiny.trials(folder)
    (folder / "energy" / "results.json").write_text(json.dumps([trial] * 5), "utf-8")
    assert codes(read(folder)) == ["trace-unreadable"]


@pytest.mark.parametrize(
    ("name", "benchmark"),
    [
        ("ad", "ad"),
        ("AD01", "ad"),
        ("anomaly_detection", "ad"),
        ("Anomaly Detection", "ad"),
        ("ic", "ic"),
        ("image-classification", "ic"),
        ("ic_01", "ic"),
        ("keyword_spotting", "kws"),
        ("key_word_spotting", "kws"),
        ("kws01", "kws"),
        ("visual_wake_words", "vww"),
        ("VisualWakeWord", "vww"),
        ("person_detection", "vww"),
        ("streaming_wakeword", "sww"),
        ("sww01", "sww"),
    ],
)
def test_benchmarks_are_known_by_every_spelling(name: str, benchmark: str, tmp_path: Path) -> None:
    folder = tiny.result(tmp_path, f"tiny_results_v1.2/closed/Acme/results/board/{name}")
    assert read(folder).benchmark == benchmark


@pytest.mark.parametrize("name", ["bert", "adx", "kws2", "ic_02", "power"])
def test_other_folders_are_no_benchmark_of_tiny(name: str) -> None:
    assert benchmark_named(name) is None


def test_a_folder_for_each_model_below_the_benchmark_is_a_system_of_its_own(tmp_path: Path) -> None:
    """As in v0.7: two models of one board, each with its energy run in `power`."""
    root = tmp_path / "tiny_results_v0.7"
    for model in ("CNV-W1A1", "RN07"):
        folder = tiny.result(tmp_path, tiny.PATH)
        target = root / "open/hls/results/arty/ic" / model
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / "energy").rename(folder / "power")
        shutil.move(folder, target)
        shutil.rmtree(tmp_path / "tiny_results_v1.2")
    entries = [place.read() for place in find(root) if isinstance(place, Found)]
    assert [(entry.system, entry.benchmark) for entry in entries] == [
        ("arty/CNV-W1A1", "ic"),
        ("arty/RN07", "ic"),
    ]
    assert [(entry.submitter, entry.division, entry.round) for entry in entries] == [
        ("hls", "open", "mlperf-tiny-v0.7")
    ] * 2
    assert [codes(entry) for entry in entries] == [["folder-name"]] * 2
    assert all(run.traces for entry in entries for run in entry.runs)


@pytest.mark.parametrize("name", ["enegy", "power", "Energy", "energy_mode"])
def test_an_energy_run_in_a_folder_of_another_name_is_read_and_said(
    name: str, tmp_path: Path
) -> None:
    folder = tiny.result(tmp_path)
    (folder / "energy").rename(folder / name)
    entry = read(folder)
    assert codes(entry) == ["folder-name"]
    assert entry.runs[0].sources == (f"{name}/results.txt", f"{name}/trace1-energy.bin")


def test_a_folder_power_without_the_files_of_the_runner_is_no_energy_run(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    shutil.rmtree(folder / "energy")
    (folder / "power").mkdir()
    (folder / "power" / "hookup.pdf").write_bytes(b"%PDF")
    (place,) = find(folder)
    assert isinstance(place, Skipped)


def test_files_that_are_named_after_their_run_are_found(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    for mode in ("energy", "performance", "accuracy"):
        for path in list((folder / mode).glob("[rls]*.*")):
            path.rename(path.with_name(f"{mode}_{path.name}"))
    (folder / "energy" / "._results.txt").write_bytes(b"\0\5\x16\7")
    entry = read(folder)
    assert codes(entry) == []
    stated = entry.runs[0].evidence.tiny
    assert stated is not None
    assert (stated.throughput, stated.voltage_v, stated.script_voltage_v) == (201.5, 1.8, 1.8)
    assert entry.runs[0].quality is not None


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: b"\xb5J\n" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode("utf-16"),
        lambda text: text.replace("\n", "\r").encode(),
    ],
    ids=["utf-16", "byte order mark", "latin-1", "utf-16 of Windows", "carriage returns alone"],
)
def test_text_in_any_encoding_is_read(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    for name in ("results.txt", "log.txt"):
        path = folder / "energy" / name
        path.write_bytes(encode(path.read_text("utf-8")))
    entry = read(folder)
    assert codes(entry) == []
    assert len(entry.runs) == 5
    stated = entry.runs[4].evidence.tiny
    assert stated is not None
    assert stated.logged_start_s == pytest.approx(18.02)


def test_every_number_may_have_a_decimal_comma(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    path = folder / "energy" / "results.txt"
    text = re.sub(r"(?<=[0-9])\.(?=[0-9]+ (?:for|sec|uJ|uW))", ",", path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    entry = read(folder)
    assert codes(entry) == ["csv-dialect"]
    stated = entry.runs[1].evidence.tiny
    assert stated is not None
    assert (stated.energy_uj, stated.seconds, stated.median_uj) == (tiny.ENERGY_UJ, 2.5, 200.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("board.json", '\ufeff{"Board": "a b",\n}'),
        ("BOARD_description.json", '{"Board": "a b", "Board": "a b"}'),
        ("my-board.json", '{"Board": "a b"}'),
    ],
)
def test_a_description_is_found_and_read_in_its_many_forms(
    name: str, text: str, tmp_path: Path
) -> None:
    folder = tiny.result(tmp_path)
    systems = folder.parents[2] / "systems"
    (systems / "board.json").unlink()
    (systems / name).write_text(text, "utf-8")
    entry = read(folder)
    assert codes(entry) == []
    assert entry.system_description == {"Board": "a b"}


def test_the_description_with_most_of_the_name_is_taken(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path, "tiny_results_v1.0/closed/Octo/results/native/L4R5ZI/kws")
    systems = folder.parents[3] / "systems"
    systems.mkdir()
    for name in ("L4R5ZI_cmsis", "L4R5ZI_native", "L4R5ZI_native_70MHz", "NRF5340_native"):
        (systems / f"description_{name}.json").write_text(json.dumps({"name": name}))
    (folder.parents[2] / "systems" / "board.json").unlink()
    entry = read(folder)
    assert entry.system == "native/L4R5ZI"
    assert entry.system_description == {"name": "L4R5ZI_native"}


def test_a_broken_description_is_a_warning(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    (folder.parents[2] / "systems" / "board.json").write_text("{'Board': 1}")
    assert codes(read(folder)) == ["description-unreadable"]


def test_without_results_the_log_of_the_runner_stands_in(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    tiny.trials(folder)
    results = folder / "energy" / "results.txt"
    log = folder / "energy" / "log.txt"
    log.write_text(log.read_text("utf-8") + results.read_text("utf-8"), "utf-8")
    results.unlink()
    entry = read(folder)
    assert codes(entry) == ["file-unreadable"]
    assert [run.declared_energy_j for run in entry.runs] == [tiny.ENERGY_UJ * 1e-6] * 5


def test_fail_a_result_without_what_the_runner_prints(tmp_path: Path) -> None:
    found = tiny.judged(tmp_path, lambda folder: (folder / "energy" / "results.txt").unlink())
    assert found.verdict == "invalid"
    assert "evidence-readable" in {item.rule for item in found.findings if item.severity == "fail"}


def test_a_sample_that_the_runner_lost_is_a_gap(tmp_path: Path) -> None:
    """It writes NaN, which is no JSON; a trial with one inside its window has no energy."""
    folder = tiny.result(tmp_path)
    tiny.trials(folder)
    path = folder / "energy" / "results.json"
    document = json.loads(path.read_text("utf-8"))
    document[0]["power"]["samples"][10] = float("nan")
    path.write_text(json.dumps(document), "utf-8")
    entry = read(folder)
    assert codes(entry) == []
    assert len(entry.runs[0].traces[0].dropped) == 1
    document[0]["power"]["samples"][1200] = float("nan")
    path.write_text(json.dumps(document), "utf-8")
    assert codes(read(folder)) == ["window-energy-differs"]


def test_trials_without_samples_keep_their_numbers(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    tiny.trials(folder)
    path = folder / "energy" / "results.json"
    document = json.loads(path.read_text("utf-8"))
    document[1] = {"error": "error 1"}
    path.write_text(json.dumps(document), "utf-8")
    assert [bool(run.traces) for run in read(folder).runs] == [True, False, True, True, True]


def test_a_window_that_states_no_energy_does_not_hide_the_next() -> None:
    text = (
        "Energy data for window 2\n  Inferences    : 10\n"
        "Energy data for window 4\n  Energy        : 500.0 uJ\n  Energy/Inf    : 50.0 uJ/inf\n"
    )
    assert [(item.number, item.energy_uj) for item in read_windows(text)] == [(4, 500.0)]


def test_a_streaming_result_is_one_long_trial_with_its_detections(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path, "tiny_results_v1.3/closed/Acme/results/board/sww")
    tiny.trials(folder)
    energy = folder / "energy"
    (trial, *_) = json.loads((energy / "results.json").read_text("utf-8"))
    (energy / "results.json").write_text(json.dumps(trial), "utf-8")
    (energy / "results.txt").write_text(
        "Energy data for trial 0\n  Elapsed time  : 2.5\n  Inferences    : 1\n"
        f"  Total Energy  : {tiny.ENERGY_UJ:.3f} uJ\n"
        f"  Energy/Inf    : {tiny.ENERGY_UJ:.3f} uJ/inf\n"
        f"Median energy cost is {tiny.ENERGY_UJ:.4f} uJ/inf.\n"
        "Accuracy: 44 True positives, 6 False negatives, 4 False positives\n"
        "Estimated throughput: 51.44 inf./sec.\n",
        "utf-8",
    )
    shutil.rmtree(folder / "accuracy")
    (run,) = read(folder).runs
    assert len(run.traces) == 1
    assert run.work == Work(1, "query")
    assert run.quality is not None
    assert [(item.metric, item.value, item.target) for item in run.quality.all] == [
        ("false negatives", 6.0, 8.0),
        ("false positives", 4.0, 8.0),
    ]
    stated = run.evidence.tiny
    assert stated is not None
    assert stated.energy_throughput == 51.44


@pytest.mark.parametrize(
    ("detections", "fails"), [("8 False negatives, 8", 0), ("9 False negatives, 8", 1)]
)
def test_more_than_eight_missed_wake_words_miss_the_target(
    detections: str, fails: int, tmp_path: Path
) -> None:
    folder = tiny.result(tmp_path, "tiny_results_v1.3/closed/Acme/results/board/sww")
    (folder / "accuracy" / "results.txt").write_text(
        f"Accuracy: 40 True positives, {detections} False positives\n"
    )
    (found,) = api.audit(tmp_path).entries
    missed = [item for item in found.findings if item.got.startswith("false negatives")]
    assert len(missed) == 5 * fails


def test_a_joulescope_is_known_by_its_name_in_the_log(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    for name, meter in (("lpm01a", "st-lpm01a"), ("js110", "joulescope-js110")):
        log = folder / "energy" / "log.txt"
        log.write_text(log.read_text().replace("name[lpm01a]", f"name[{name}]"))
        assert read(folder).runs[0].traces[0].channel.meter == meter


def test_a_benchmark_without_energy_is_skipped_with_the_reason(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    (folder / "energy").rename(tmp_path / "elsewhere")
    (place,) = find(tmp_path / tiny.PATH.split("/")[0])
    assert isinstance(place, Skipped)
    assert "no energy was measured" in place.reason or "no power was measured" in place.reason


def test_a_result_survives_the_import(tmp_path: Path) -> None:
    entry = read(tiny.result(tmp_path))
    write_entry(entry, tmp_path / "own")
    (place,) = find(tmp_path / "own")
    assert isinstance(place, Found)
    again = place.read()
    assert again.family == "mlperf-tiny"
    assert [run.evidence.tiny for run in again.runs] == [run.evidence.tiny for run in entry.runs]


def test_windows_that_were_swapped_are_findings(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    energy = folder / "energy" / "trace1-energy.bin"
    content = energy.read_bytes()
    samples = tiny.samples_uj()
    for k in range(round(tiny.MARKERS[1] * tiny.RATE), round(tiny.MARKERS[2] * tiny.RATE)):
        samples[k] *= 1.01
    energy.write_bytes(content[:5] + struct.pack(f"<{len(samples)}f", *samples))
    assert codes(read(folder)) == ["window-energy-differs"]


def test_a_trial_with_a_marker_too_many_takes_the_last_two_and_says_so(tmp_path: Path) -> None:
    folder = tiny.result(tmp_path)
    tiny.trials(folder)
    path = folder / "energy" / "results.json"
    document = json.loads(path.read_text("utf-8"))
    document[0]["power"]["timestamps"].insert(0, ["99", 300])
    path.write_text(json.dumps(document), "utf-8")
    entry = read(folder)
    assert codes(entry) == ["marker-extra"]
    assert entry.defects[0].got == "3 markers in trial 0: the last two are taken"
    assert [run.seconds for run in entry.runs] == [2.5] * 5


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
    folder = tiny.result(tmp_path_factory.mktemp("tiny"))
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
