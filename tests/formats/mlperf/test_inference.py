"""MLPerf inference power results, as the lab simulator and hand-made changes give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lab_simulator import PERFECT, Faults, MeterError, write_inference

from harness.core.errors import UnreadableError
from harness.formats.base import Entry
from harness.formats.discovery import Found, Skipped, find
from harness.formats.mlperf.inference import FORMAT
from harness.formats.mlperf.loadgen_log import read_detail
from harness.formats.mlperf.mllog import read_all, select
from harness.formats.ptdaemon import analyzer as ptd
from harness.formats.ptdaemon.spl import read_spl
from harness.scoring.score import score
from harness.traces.channel import Accuracy

PLACE = "closed/LabSim/results/sim-1/resnet50"


def simulated(folder: Path, **given: Any) -> tuple[Path, Any]:
    """A result folder and its truth."""
    fixed = {
        "submitter": "LabSim",
        "system": "sim-1",
        "benchmark": "resnet50",
        "scenario": "Offline",
        "seed": 1,
    }
    truth = write_inference(folder, **(fixed | given))
    return folder / PLACE / (fixed | given)["scenario"], truth


def read(folder: Path) -> Entry:
    return Found(FORMAT, folder, "it").read()


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def codes(entry: Entry) -> list[str]:
    return [defect.code for defect in entry.defects]


@pytest.mark.parametrize("scenario", ["Offline", "Server", "SingleStream", "MultiStream"])
@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_energy_and_work_of_a_clean_session(scenario: str, analyzers: str, tmp_path: Path) -> None:
    errors = [PERFECT] * (2 if analyzers == "two_analyzers" else 1)
    folder, truth = simulated(tmp_path, scenario=scenario, analyzers=analyzers, errors=errors)
    entry = read(folder)
    result = score(entry, draws=10_000)
    assert entry.defects == ()
    assert entry.simulated
    assert (entry.submitter, entry.system, entry.benchmark, entry.division) == (
        "LabSim",
        "sim-1",
        "resnet50",
        "closed",
    )
    assert entry.scenario == scenario
    assert result.energy.value == pytest.approx(truth.energy_j, rel=5e-4)
    assert result.energy.low < truth.energy_j < result.energy.high
    assert result.measurement_class == "analyzer"
    work = entry.runs[0].work
    if scenario == "Offline":
        assert (work.count, work.unit) == (truth.samples, "sample")
    else:
        assert (work.count, work.unit) == (truth.queries, "query")


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_language_models_count_tokens(scenario: str, tmp_path: Path) -> None:
    folder, truth = simulated(tmp_path, scenario=scenario, tokens_per_sample=150)
    work = read(folder).runs[0].work
    assert work.unit == "token"
    assert work.count == pytest.approx(truth.tokens, rel=1e-3)


def test_interval_covers_the_truth_with_a_meter_that_errs(tmp_path: Path) -> None:
    covered = 0
    for seed in range(12):
        folder, truth = simulated(tmp_path / str(seed), seed=seed, clock_sigma_s=0.01)
        found = score(read(folder), draws=10_000).energy
        covered += found.low <= truth.energy_j <= found.high
    assert covered >= 10


@pytest.mark.parametrize("form", ["dict", "list"])
def test_both_forms_of_ptd_config(form: str, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path, config_form=form)
    entry = read(folder)
    assert isinstance(
        entry.runs[0].evidence.inference.server["ptd_config"], dict if form == "dict" else list
    )
    channel = entry.runs[0].traces[0].channel
    assert (channel.meter, channel.nominal_interval_s) == ("yokogawa-wt210", 1.0)
    assert entry.runs[0].evidence.inference.range_w == 150.0 * 5.0


@pytest.mark.parametrize("text", ["-1", "-2", "nan", "9.91E+37"])
def test_failed_reads_are_gaps(text: str, tmp_path: Path) -> None:
    faults = Faults(fail={20: text, 21: text})
    folder, truth = simulated(tmp_path, errors=[PERFECT], faults=faults, ranging_faults=faults)
    entry = read(folder)
    for run in (entry.runs[0], entry.ranging):
        assert [d.position for d in run.traces[0].dropped] == [20, 21]
        assert all(float(d.raw) != 0 for d in run.traces[0].dropped)
    result = score(entry, draws=10_000)
    assert result.runs[0].largest_gap_s == pytest.approx(3, abs=0.05)
    assert result.energy.value == pytest.approx(truth.energy_j, rel=5e-3)


def test_lost_repeated_and_backward_stamps(tmp_path: Path) -> None:
    faults = Faults(drop=(15,), repeat=(25,), reverse=(35,))
    folder, truth = simulated(tmp_path, errors=[PERFECT], faults=faults)
    entry = read(folder)
    (dropped,) = entry.runs[0].traces[0].dropped
    assert dropped.reason == "same time as another reading"
    assert entry.runs[0].traces[0].position is not None
    assert score(entry, draws=10_000).energy.value == pytest.approx(truth.energy_j, rel=5e-3)


def test_phases_add_up_and_are_not_added_again(tmp_path: Path) -> None:
    folder, truth = simulated(tmp_path, analyzers="WT333E", errors=[PERFECT])
    total, *phases = read(folder).runs[0].traces
    assert [p.channel.phase for p in phases] == ["Ch1", "Ch2", "Ch3"]
    assert {p.channel.part_of for p in phases} == {total.channel.id}
    assert sum(p.value for p in phases) == pytest.approx(total.value, abs=1e-3)
    assert score(read(folder), draws=10_000).energy.value == pytest.approx(truth.energy_j, rel=2e-4)


def test_a_sum_without_one_of_its_analyzers_is_no_reading(tmp_path: Path) -> None:
    """MLPerf's merge adds 0 for an analyzer that failed: absent is not zero."""
    faults = Faults(fail={30: "-1", 31: "-1", 32: "-1"})
    folder, truth = simulated(
        tmp_path, analyzers="two_analyzers", errors=[PERFECT] * 2, faults=faults
    )
    entry = read(folder)
    total = entry.runs[0].traces[0]
    assert [d.position for d in total.dropped] == [30, 31, 32]
    assert all(float(d.raw) > 0 for d in total.dropped)
    assert score(entry, draws=10_000).energy.value == pytest.approx(truth.energy_j, rel=5e-3)


def test_spl_in_crlf_reads_the_same(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    before = read(folder).runs[0].traces[0].content_sha256
    for name in ("spl.txt", "mlperf_log_detail.txt"):
        edit(
            folder / "performance" / "run_1" / name, lambda content: content.replace(b"\n", b"\r\n")
        )
    entry = read(folder)
    assert entry.runs[0].traces[0].content_sha256 == before
    assert entry.runs[0].window is not None
    assert entry.defects == ()


def test_spl_in_another_time_zone_than_power_begin(tmp_path: Path) -> None:
    folder, truth = simulated(tmp_path, errors=[MeterError(clock_offset_s=-7 * 3600.0)])
    for name in ("client.json", "server.json"):
        edit(
            folder / "performance" / "power" / name,
            lambda c: json.dumps(json.loads(c) | {"phases": {}}).encode(),
        )
    entry = read(folder)
    assert [d.got for d in entry.defects if d.code == "zone-shift"] == [
        "+7 h between readings and power_begin"
    ] * 2
    result = score(entry, draws=10_000)
    assert result.coverage == 1
    assert result.energy.value == pytest.approx(truth.energy_j, rel=5e-4)
    assert result.compat["mlperf_inference"]["value"] == pytest.approx(
        truth.energy_j / truth.duration_s, rel=0.02
    )


def test_a_line_of_880_kilobytes_is_one_broken_line(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    before = read(folder).runs[0].traces[0].content_sha256
    reply = b"Reply from ptd: Time,01-01-2026 00:00:00.000,Watts,1.0\\n" * 22_000
    spl = folder / "performance" / "run_1" / "spl.txt"
    edit(spl, lambda content: reply + b"\n" + content)
    long = ",".join(
        ["Time", "01-01-2026 00:00:00.000", "Watts", "9" * 880_000, *["1"] * 8]
    ).encode()
    edit(spl, lambda content: content + long + b"\n")
    edit(
        folder / "performance" / "run_1" / "mlperf_log_detail.txt",
        lambda c: b":::MLLOG " + b"x" * 880_000 + b"\n" + c,
    )
    entry = read(folder)
    assert entry.runs[0].traces[0].content_sha256 == before
    assert len(entry.runs[0].traces[0].dropped) == 1
    assert ("trace-line-broken", 1) in [(d.code, d.count) for d in entry.defects]


def test_a_truncated_last_line_costs_that_line(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    before = len(read(folder).runs[0].traces[0])
    edit(folder / "performance" / "run_1" / "spl.txt", lambda content: content.rstrip()[:-80])
    entry = read(folder)
    assert len(entry.runs[0].traces[0]) == before - 1
    assert codes(entry) == ["trace-line-broken"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("power_begin", '"yesterday"'),
        ("power_end", "null"),
        ("power_begin", "12"),
        ("power_end", '"13-40-2026 00:00:00.000"'),
    ],
)
def test_no_window_no_energy_and_a_reason(key: str, value: str, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    line = f':::MLLOG {{"key": "{key}", "value": {value}, "time_ms": 1}}\n'.encode()
    edit(folder / "performance" / "run_1" / "mlperf_log_detail.txt", lambda content: content + line)
    result = score(read(folder), draws=10_000)
    assert result.energy.value is None
    assert result.energy.note
    assert result.runs[0].run.traces


def test_a_window_that_ends_before_it_begins_has_no_energy(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    detail = folder / "performance" / "run_1" / "mlperf_log_detail.txt"
    edit(
        detail,
        lambda c: (
            c.replace(b"power_begin", b"power_X")
            .replace(b"power_end", b"power_begin")
            .replace(b"power_X", b"power_end")
        ),
    )
    assert score(read(folder), draws=10_000).energy.value is None


READ = (
    "performance/power/client.json",
    "performance/power/server.json",
    "performance/power/ptd_logs.txt",
    "performance/run_1/mlperf_log_detail.txt",
    "performance/run_1/spl.txt",
    "performance/ranging/mlperf_log_detail.txt",
    "performance/ranging/spl.txt",
)


@pytest.mark.parametrize("how", ["removed", "emptied", "a folder", "noise", "a link"])
@pytest.mark.parametrize("name", READ)
def test_what_is_lost_with_a_file_is_a_defect_of_the_entry(
    name: str, how: str, harm: Callable, tmp_path: Path
) -> None:
    folder, _ = simulated(tmp_path / "tree", config_form="list")
    harm(how, folder / name)
    (place,) = find(tmp_path / "tree")
    entry = place.read()
    if (how, name) == ("noise", "performance/power/ptd_logs.txt"):
        assert entry.defects == ()  # it has no form to miss; the ranges come from server.json then
    else:
        assert str(folder / name) in [defect.where for defect in entry.defects]
    assert (score(entry, draws=10_000).energy.value is None) == ("run_1" in name)


@pytest.mark.parametrize("name", READ)
def test_half_a_file_is_read_as_far_as_it_goes(name: str, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path, config_form="list")
    edit(folder / name, lambda content: content[: len(content) // 2])
    entry = read(folder)
    result = score(entry, draws=10_000)
    if name == "performance/run_1/spl.txt":
        assert 0 < result.coverage < 0.9
    if name.endswith(".json"):
        assert "file-unreadable" in codes(entry)


@pytest.mark.parametrize("name", ["performance/run_1", "performance/power", "performance/ranging"])
def test_a_folder_that_is_a_link_is_not_followed(name: str, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path / "tree")
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    entry = read(folder)
    where = [d.where for d in entry.defects if d.code == "file-unreadable"]
    assert any(w.startswith(str(folder / name)) for w in where), entry.defects
    assert (score(entry, draws=10_000).energy.value is None) == (name == "performance/run_1")


@pytest.mark.parametrize("here", [".", "../single", "../single/."])
def test_a_link_is_not_followed_from_a_relative_path(
    here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = simulated(tmp_path / "tree")
    folder.rename(tmp_path / "single")
    (tmp_path / "single/performance/power").rename(tmp_path / "elsewhere")
    (tmp_path / "single/performance/power").symlink_to(
        tmp_path / "elsewhere", target_is_directory=True
    )
    monkeypatch.chdir(tmp_path / "single")
    entry = read(Path(here))
    assert not entry.runs[0].evidence.inference.server
    session = entry.runs[0].evidence.session
    assert not session.open().ptd
    assert session.open().spl("testing")


def test_a_performance_folder_that_is_a_link_is_no_entry(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path / "tree")
    (folder / "performance").rename(tmp_path / "elsewhere")
    (folder / "performance").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert not [place for place in find(tmp_path / "tree") if isinstance(place, Found)]


def test_without_a_ranging_run_the_entry_says_so(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    (folder / "performance" / "ranging").rename(tmp_path / "away")
    entry = read(folder)
    assert entry.ranging is None
    assert any("ranging" in defect.where for defect in entry.defects)


HOSTILE = (
    [],
    5,
    None,
    "x",
    {},
    {"ptd_messages": 5},
    {"ptd_messages": {}},
    {"ptd_messages": [[]]},
    {"ptd_messages": [5, None]},
    {"ptd_messages": {"a": {"b": 1}}},
    {"ptd_messages": [{"cmd": None, "reply": []}]},
    {"phases": []},
    {"phases": {"testing": [["inf", 1]]}},
    {"phases": {"testing": [[10**400, 1]]}},
    {"phases": {"testing": 7}},
    {"phases": {"testing": [[]]}},
    {"phases": {"testing": [["nan"]]}},
    {
        "ptd_messages": [
            {"cmd": "SR,V,1e999", "reply": ""},
            {"cmd": "SR,A,nan"},
            {"cmd": "Go,99999999999,0,x_testing"},
        ]
    },
)


@pytest.mark.parametrize("document", HOSTILE, ids=lambda d: json.dumps(d)[:40])
def test_documents_of_another_shape_cost_the_meter_and_not_the_entry(
    document: Any, tmp_path: Path
) -> None:
    folder, truth = simulated(tmp_path, errors=[PERFECT])
    for name in ("client.json", "server.json"):
        (folder / "performance" / "power" / name).write_text(json.dumps(document))
    result = score(read(folder), draws=10_000)
    assert result.energy.value == pytest.approx(truth.energy_j, rel=5e-4)
    assert np.isfinite([result.energy.low, result.energy.high]).all()


@pytest.mark.parametrize("text", [b"1.2.3V", b"..V", b"Auto", b"", b"9" * 400])
def test_odd_ranges_in_ptd_logs(text: bytes, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    path = folder / "performance" / "power" / "ptd_logs.txt"
    edit(
        path,
        lambda content: content.replace(
            b"Volt range set to 150.000000V", b"Volt range set to " + text
        ),
    )
    assert np.isfinite(score(read(folder), draws=10_000).energy.high)


@pytest.mark.parametrize(
    "cells",
    [b"Time,x,Watts", b"Time,13-45-9999 99:99:99.999,Watts,1,2,3,4,5,6,7,8,9", b"\xff,\x00" * 9],
)
def test_odd_lines_in_spl_do_not_end_the_reading(cells: bytes, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    before = read(folder).runs[0].traces[0].content_sha256
    edit(folder / "performance" / "run_1" / "spl.txt", lambda content: cells + b"\n" + content)
    entry = read(folder)
    assert entry.runs[0].traces[0].content_sha256 == before
    assert entry.defects or entry.runs[0].traces[0].dropped


def test_one_bad_entry_does_not_hide_the_others(tmp_path: Path) -> None:
    for seed, scenario in enumerate(("Offline", "Server", "SingleStream")):
        simulated(tmp_path, scenario=scenario, seed=seed)
    for path in (tmp_path / PLACE / "Server" / "performance").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\x00\xff" * 500)
    found = list(find(tmp_path))
    assert [place.id.rsplit("/", 1)[-1] for place in found] == ["Offline", "Server", "SingleStream"]
    values = [score(place.read(), draws=10_000).energy.value for place in found]
    assert [value is None for value in values] == [False, True, False]


def test_a_result_without_power_is_skipped_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "r" / "performance" / "run_1").mkdir(parents=True)
    (tmp_path / "r" / "accuracy").mkdir()
    assert list(find(tmp_path)) == [Skipped("r", "no power was measured")]


def test_reading_by_a_foreign_format_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        list(find(tmp_path / "not there"))


class TestMllog:
    """`:::MLLOG` lines."""

    LINE = b':::MLLOG {"key": "a", "value": 1, "time_ms": 5}'

    @pytest.mark.parametrize("prefix", [b"", b"0: ", b"[1,0]<stdout>:", b"\xff\xfe "])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
    def test_a_prefix_and_any_line_end(self, prefix: bytes, end: bytes) -> None:
        for lines, broken in (
            read_all(prefix + self.LINE + end),
            select(prefix + self.LINE + end, ["a"]),
        ):
            assert [(line.key, line.value) for line in lines] == [("a", 1)]
            assert broken == 0

    def test_broken_lines_are_counted_and_the_rest_is_read(self) -> None:
        content = (
            self.LINE
            + b'\n:::MLLOG {\n:::MLLOG [1]\n:::MLLOG {"key": 5}\nnoise\n'
            + self.LINE[:-9]
            + b"\n"
            + self.LINE
        )
        lines, broken = read_all(content)
        assert (len(lines), broken) == (2, 4)

    def test_a_key_that_is_only_a_value_is_not_selected(self) -> None:
        lines, broken = select(b':::MLLOG {"key": "b", "value": "a"}\n', ["a"])
        assert (lines, broken) == ([], 0)

    def test_the_last_value_of_a_key_wins(self) -> None:
        content = (
            b':::MLLOG {"key": "power_begin", "value": "x"}\n:::MLLOG {"key": '
            b'"power_begin", "value": "y"}\n'
        )
        assert read_detail(content)[0] == {"power_begin": "y"}


class TestAnalyzer:
    """What its limits are taken for: ranges, channels and power factor."""

    IDENTITY = "mode=power,1,1,{channels},0,0,no_cal_date,YOKOGAWA;WT333E;C2WL21005V;F1.04"

    def meter(
        self, log: bytes, name: str = "YokogawaWT330_multichannel", channels: int = 3
    ) -> ptd.Analyzer:
        reply = (
            f"{name},1000,1,1,1,1,0,0,1,version=1.10.0-ed9a21d2-20220817,OS=Linux," + self.IDENTITY
        )
        messages = [{"cmd": "Identify", "reply": reply.format(channels=channels)}]
        return ptd.analyzer({"ptd_messages": messages}, log, "testing")

    @pytest.mark.parametrize(
        ("lines", "range_w"),
        [
            (("Volt range set to 300.000000V", "Amp range set to 10.000000A"), 3000.0),
            (("Volt range set to 300.000000V", "Ampere range set to 10.000000A"), 3000.0),
            (
                (
                    "Voltage range for channel 1, physical channel 1, set to 300.000000A",
                    "Voltage range for channel 2, physical channel 2, set to 300.000000A",
                    "Amp range for channel 1, physical channel 1, set to 10.000000A",
                    "Amp range for channel 2, physical channel 2, set to 20.000000A",
                    "Amp range for channel 3, physical channel 3, set to 10.000000A",
                ),
                6000.0,
            ),
            (("Volt range set to 300.000000V", "Amp range set to 0.200000A"), 60.0),
            (
                (
                    "Volt range set to 300.000000V",
                    "Amp range set to 10.000000A",
                    "Ampere range set to Auto",
                ),
                None,
            ),
        ],
    )
    def test_range_is_the_largest_of_the_channels(
        self, lines: tuple[str, ...], range_w: float | None
    ) -> None:
        log = "".join(f"08-01-2025 00:04:20.208: {line}\r\n" for line in lines)
        assert (
            self.meter(
                log.encode() + b"08-01-2025 00:04:40.000: Go with mark 'x_testing'\n"
            ).range_w
            == range_w
        )

    @pytest.mark.parametrize(
        ("name", "said", "channels"),
        [
            ("YokogawaWT330_multichannel", 3, 3),
            ("YokogawaWT330_multichannel", 999, 16),
            ("YokogawaWT330_multichannel", 0, 1),
            ("YokogawaWT330E", 3, 1),
        ],
    )
    def test_channels_are_those_of_a_multichannel_analyzer(
        self, name: str, said: int, channels: int
    ) -> None:
        assert self.meter(b"", name, said).channels == channels

    LOG = (
        b"x: Volt range set to 300.000000V\nx: Amp range set to 10.000000A\nx: Go with mark "
        b"'x_testing'\n"
    )
    GROUP = ",Watts,400.0,Volts,206.38,Amps,2.0,PF,0.969"

    def accuracy(self, line: str) -> Accuracy:
        text = "\n".join(f"Time,02-24-2023 18:16:{n:02d}.000,{line}" for n in range(20))
        meter = self.meter(self.LOG)
        found = read_spl(text.encode(), "spl.txt", meter.channels)
        return ptd.traces(found, meter, owner="x", clock_error=None, source="spl.txt")[
            0
        ].channel.accuracy

    @pytest.mark.parametrize(
        ("line", "channels"),
        [
            ("Watts,1200.0,Volts,206.38,Amps,2.0,PF,0.969,Mark,m", 3),
            (
                "Watts,800.0,Volts,-1,Amps,-1,PF,-1,Mark,m,Ch1{0},Ch2{0},Ch3,Watts,0,Volts,0,Amps,0,PF,0",
                2,
            ),
            ("Watts,800.0,Volts,-1,Amps,-1,PF,-1,Mark,m,Ch1{0},Ch2{0}", 2),
            ("Watts,400.0,Volts,-1,Amps,-1,PF,-1,Mark,m,Ch1{0}", 1),
        ],
    )
    def test_range_counts_for_each_channel_with_wires(self, line: str, channels: int) -> None:
        found = self.accuracy(line.format(self.GROUP))
        assert found.range_limit_w == pytest.approx(0.0005 * 3000 * channels)
        assert found.power_factor == pytest.approx(0.969, abs=1e-3)
        assert not found.assumed

    def test_limits_are_those_of_the_class_where_the_power_factor_is_not_told(self) -> None:
        found = self.accuracy("Watts,1200.0,Volts,-1,Amps,-1,PF,-1,Mark,m")
        assert found.assumed
        assert found.gain_mpe == pytest.approx(0.01)

    @pytest.mark.parametrize(
        ("model", "known"),
        [
            ("WT333;C2WL21005V;F1.04EM", "yokogawa-wt310e"),
            ("WT333;C2WL21005V;F1.04", "yokogawa-wt310"),
        ],
    )
    def test_a_wt333e_that_emulates_a_wt333_is_known_by_its_firmware(
        self, model: str, known: str
    ) -> None:
        reply = f"YokogawaWT330_multichannel,mode=power,1,1,2,0,0,no_cal_date,YOKOGAWA;{model}"
        assert (
            ptd.analyzer(
                {"ptd_messages": [{"cmd": "Identify", "reply": reply}]}, b"", "testing"
            ).instrument_id
            == known
        )
