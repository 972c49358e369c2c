"""Files of other power loggers: read with the right joules, or refused with what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import JoulemarkError, UnreadableError
from harness.formats.base import Entry, Run, Work
from harness.formats.discovery import Found, find
from harness.formats.power_log import LoggerFormat, reading
from harness.formats.registry import formats
from harness.scoring.score import score

T0_S = 1_767_607_200
"""2026-01-05T10:00:00Z."""
SECONDS = range(11)


def write(tmp_path: Path, name: str, text: str, **about: Any) -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    if about:
        (tmp_path / f"{name}.about.json").write_text(json.dumps(about), "utf-8")
    return path


def read(path: Path, format_name: str) -> tuple[Entry, Run]:
    (place,) = find(path)
    assert isinstance(place, Found)
    assert place.format.name == format_name
    entry = place.read()
    (run,) = entry.runs
    return entry, run


def energy_j(entry: Entry) -> float:
    (run,) = score(entry, draws=1000).runs
    return run.energy_j


def channels(run: Run) -> dict[str, tuple[str, str, str | None]]:
    return {
        t.channel.id: (t.channel.kind, t.channel.boundary, t.channel.part_of) for t in run.traces
    }


def codes(entry: Entry) -> list[str]:
    return [defect.code for defect in entry.defects]


# --- nvidia-smi

SMI_HEADER = "timestamp, index, power.draw [W], utilization.gpu [%]\n"


def smi(watts: str = "250.00 W", boards: int = 2) -> str:
    rows = [
        f"2026/01/05 10:00:{s:02d}.120, {board}, {watts}, 97 %"
        for s in SECONDS
        for board in range(boards)
    ]
    return SMI_HEADER + "\n".join(rows) + "\n"


def test_nvidia_smi_with_units_in_the_cells(tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "smi.csv", smi()), "nvidia-smi")
    assert channels(run) == {f"gpu-{n}": ("instant", "board", None) for n in (0, 1)}
    assert energy_j(entry) == pytest.approx(5000)
    assert codes(entry) == ["log-assumption", "window-assumed"]


def test_nvidia_smi_of_a_german_spreadsheet(tmp_path: Path) -> None:
    text = smi().replace(",", ";").replace("250.00", "250,00")
    entry, _ = read(write(tmp_path, "smi.csv", "\ufeff" + text), "nvidia-smi")
    assert energy_j(entry) == pytest.approx(5000)


def test_nvidia_smi_reading_that_is_not_available_is_dropped(tmp_path: Path) -> None:
    text = smi(boards=1).replace("250.00 W", "[N/A]", 1)
    _, run = read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert [item.raw for item in run.traces[0].dropped] == ["[N/A]"]


def test_nvidia_smi_board_without_power_is_named(tmp_path: Path) -> None:
    text = smi().replace(", 1, 250.00 W", ", 1, [N/A]")
    entry, run = read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert list(channels(run)) == ["gpu-0"]
    (defect,) = [d for d in entry.defects if d.code == "trace-unreadable"]
    assert "gpu-1 has no reading" in defect.got


def test_nvidia_smi_without_ids_and_two_boards_is_refused(tmp_path: Path) -> None:
    text = smi().replace(" index,", "").replace(", 0, 2", ", 2").replace(", 1, 2", ", 2")
    with pytest.raises(UnreadableError, match="share a time") as caught:
        read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert "index" in caught.value.fix


def test_nvidia_smi_without_times_is_refused(tmp_path: Path) -> None:
    text = "index, power.draw [W]\n0, 250.00 W\n"
    with pytest.raises(UnreadableError, match="states no time") as caught:
        read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert "timestamp" in caught.value.fix


def test_dmon(tmp_path: Path) -> None:
    rows = [f" 20260105  10:00:{s:02d}     0    250     50     -" for s in SECONDS]
    head = (
        "#Date       Time        gpu    pwr  gtemp  mtemp\n#YYYYMMDD   HH:MM:SS    Idx      "
        "W      C      C\n"
    )
    entry, run = read(write(tmp_path, "dmon.log", head + "\n".join(rows)), "nvidia-smi")
    assert channels(run) == {"gpu-0": ("instant", "board", None)}
    assert energy_j(entry) == pytest.approx(2500)


def test_dmon_without_times_says_how_to_get_them(tmp_path: Path) -> None:
    text = "# gpu    pwr  gtemp\n# Idx      W      C\n    0    250     50\n"
    with pytest.raises(UnreadableError, match="states no time") as caught:
        read(write(tmp_path, "dmon.log", text), "nvidia-smi")
    assert "-o DT" in caught.value.fix


# --- The document beside a file


def test_a_window_needs_the_zone_of_the_stamps(tmp_path: Path) -> None:
    window = {"start": "2026-01-05T09:00:02Z", "stop": "2026-01-05T09:00:08Z"}
    path = write(tmp_path, "smi.csv", smi(), run={"window": window})
    with pytest.raises(UnreadableError, match="time zone"):
        read(path, "nvidia-smi")
    about = {
        "run": {"window": window, "work": {"count": 30, "unit": "token"}},
        "utc_offset": "+01:00",
    }
    entry, run = read(write(tmp_path, "smi.csv", smi(), **about), "nvidia-smi")
    assert run.work == Work(30, "token")
    assert energy_j(entry) == pytest.approx(3000)
    assert codes(entry) == []


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"zone": "Z"}, "mean nothing here"),
        ({"utc_offset": "MEZ"}, "utc_offset is no offset"),
        ({"interval_s": 0}, "interval_s"),
        ({"run": [1]}, "run is no JSON object"),
        ({"run": {"work": {"count": "many", "unit": "token"}}}, "count"),
    ],
)
def test_what_stands_beside_a_file_is_checked(
    about: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(JoulemarkError, match=message):
        read(write(tmp_path, "smi.csv", smi(), **about), "nvidia-smi")


def test_fields_of_the_channel_replace_those_of_the_reader(tmp_path: Path) -> None:
    about = {"channel": {"calibration_id": "lab-7", "clock_error_s": 0.01}}
    _, run = read(write(tmp_path, "smi.csv", smi(boards=1), **about), "nvidia-smi")
    channel = run.traces[0].channel
    assert (channel.calibration_id, channel.clock_error_s) == ("lab-7", 0.01)


# --- CodeCarbon

CARBON_HEADER = (
    "timestamp,project_name,run_id,duration,emissions,energy_consumed,cpu_energy,gpu_energy\n"
)


def test_codecarbon_is_modelled_and_its_total_is_kept(tmp_path: Path) -> None:
    text = CARBON_HEADER + "2026-01-05T10:00:00,mine,abc,100.0,0.0012,0.0042,0.001,0.0031\n"
    entry, run = read(write(tmp_path, "emissions.csv", text), "codecarbon")
    assert energy_j(entry) == pytest.approx(0.0042 * 3.6e6)
    assert set(channels(run)) == {"cpu", "gpu", "rest"}
    assert {kind for kind, _, _ in channels(run).values()} == {"estimate"}
    result = score(entry, draws=1000)
    assert (result.measurement_class, entry.benchmark) == ("modelled", "mine")


def test_codecarbon_rows_of_one_run_are_running_totals(tmp_path: Path) -> None:
    rows = [
        "2026-01-05T10:00:00,mine,abc,50.0,0.0006,0.002,0.001,0.001",
        "2026-01-05T10:00:50,mine,abc,100.0,0.0012,0.004,0.002,0.002",
    ]
    entry, _ = read(write(tmp_path, "emissions.csv", CARBON_HEADER + "\n".join(rows)), "codecarbon")
    assert energy_j(entry) == pytest.approx(0.004 * 3.6e6)


def test_codecarbon_of_several_runs_is_refused(tmp_path: Path) -> None:
    row = "2026-01-05T10:00:00,mine,{},50.0,0.0006,0.002,0.001,0.001\n"
    text = CARBON_HEADER + row.format("a") + row.format("b")
    with pytest.raises(UnreadableError, match="several runs"):
        read(write(tmp_path, "emissions.csv", text), "codecarbon")


# --- perf stat


def perf(form: str, count: str = "52.31") -> str:
    return "".join(form.format(t=s, n=count) for s in range(1, 12))


PERF_LINE = "     {t}.000123456   {n} Joules power/energy-pkg/\n"
STARTED = "# started on Mon Jan  5 10:00:00 2026\n\n#           time   counts unit events\n"


@pytest.mark.parametrize(
    "line", [PERF_LINE, "{t}.000123456,{n},Joules,power/energy-pkg/,1000,100.00,,\n"]
)
def test_perf_stat_in_both_forms(line: str, tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "perf.txt", STARTED + perf(line)), "perf-stat")
    assert channels(run) == {"package": ("mean", "package", None)}
    assert energy_j(entry) == pytest.approx(523.1, rel=1e-4)


def test_perf_stat_with_a_decimal_comma(tmp_path: Path) -> None:
    text = STARTED + perf(PERF_LINE, "52,31")
    entry, _ = read(write(tmp_path, "perf.txt", text), "perf-stat")
    assert energy_j(entry) == pytest.approx(523.1, rel=1e-4)


def test_perf_stat_interval_that_was_not_counted_is_not_zero(tmp_path: Path) -> None:
    text = STARTED + perf(PERF_LINE).replace("52.31", "<not counted>", 1)
    _, run = read(write(tmp_path, "perf.txt", text), "perf-stat")
    assert len(run.traces[0]) == 10
    assert len(run.traces[0].dropped) == 1


def test_perf_stat_domains_lie_inside_each_other(tmp_path: Path) -> None:
    domains = ("psys", "pkg", "cores", "ram")
    lines = [PERF_LINE.replace("pkg", domain) for domain in domains]
    _, run = read(write(tmp_path, "perf.txt", STARTED + perf("".join(lines))), "perf-stat")
    inside = {name: part_of for name, (_, _, part_of) in channels(run).items()}
    assert inside == {"psys": None, "package": "psys", "cores": "package", "dram": "psys"}


def test_perf_stat_of_two_sockets_adds_up(tmp_path: Path) -> None:
    line = "     {t}.000123456 S0 1 {n} Joules power/energy-pkg/\n"
    text = STARTED + perf(line + line.replace("S0", "S1"))
    entry, run = read(write(tmp_path, "perf.txt", text), "perf-stat")
    assert sorted(channels(run)) == ["s0-package", "s1-package"]
    assert energy_j(entry) == pytest.approx(1046.2, rel=1e-4)


def test_perf_stat_without_a_start_needs_one(tmp_path: Path) -> None:
    path = write(tmp_path, "perf.txt", perf(PERF_LINE))
    with pytest.raises(UnreadableError, match="at which it started"):
        read(path, "perf-stat")
    write(tmp_path, "perf.txt", perf(PERF_LINE), start="2026-01-05T10:00:00Z")
    assert energy_j(read(path, "perf-stat")[0]) == pytest.approx(523.1, rel=1e-4)


# --- turbostat


def turbostat(time: bool = True) -> str:
    names = (["Time_Of_Day_Seconds"] if time else []) + ["CPU", "PkgWatt", "CorWatt", "RAMWatt"]
    lines = ["\t".join(names)]
    for s in SECONDS:
        for cpu in ("-", "0"):
            cells = ([f"{T0_S + s}.500000"] if time else []) + [cpu, "52.10", "31.0", "3.20"]
            lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def test_turbostat_takes_the_row_of_all_processors(tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "turbostat.txt", turbostat()), "turbostat")
    assert channels(run) == {
        "package": ("mean", "package", None),
        "cores": ("mean", "core", "package"),
        "dram": ("mean", "dram", None),
    }
    assert energy_j(entry) == pytest.approx(553.0)


def test_turbostat_without_times_needs_start_and_interval(tmp_path: Path) -> None:
    path = write(tmp_path, "turbostat.txt", turbostat(time=False))
    with pytest.raises(UnreadableError, match="states no time"):
        read(path, "turbostat")
    about = {"start": "2026-01-05T10:00:00Z", "interval_s": 5}
    write(tmp_path, "turbostat.txt", turbostat(time=False), **about)
    assert energy_j(read(path, "turbostat")[0]) == pytest.approx(5 * 553.0)


# --- ipmitool dcmi


def dcmi(state: str = "activated") -> str:
    return "".join(
        f"    Instantaneous power reading:                   220 Watts\n"
        f"    Minimum during sampling period:                  3 Watts\n"
        f"    IPMI timestamp:                           Mon Jan  5 10:00:{s:02d} 2026\n"
        f"    Power reading state is:                   {state}\n\n"
        for s in SECONDS
    )


def test_ipmi_dcmi(tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "dcmi.txt", dcmi()), "ipmi-dcmi")
    assert channels(run) == {"bmc": ("instant", "node", None)}
    assert energy_j(entry) == pytest.approx(2200)


def test_ipmi_dcmi_that_is_not_activated_measures_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "dcmi.txt", dcmi("deactivated"))
    with pytest.raises(UnreadableError, match="has no reading"):
        read(path, "ipmi-dcmi")


def test_ipmi_dcmi_without_times_is_refused(tmp_path: Path) -> None:
    text = "    Instantaneous power reading:                   220 Watts\n" * 5
    with pytest.raises(UnreadableError, match="states no time"):
        read(write(tmp_path, "dcmi.txt", text), "ipmi-dcmi")


# --- Prometheus


def test_dcgm_counter_is_preferred_to_the_gauge(tmp_path: Path) -> None:
    dumps = [
        f"# scraped {T0_S + s}\n"
        f'DCGM_FI_DEV_POWER_USAGE{{gpu="0",UUID="GPU-a"}} 999\n'
        f'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="0",UUID="GPU-a"}} {1_000_000 + 250_000 * s}\n'
        for s in SECONDS
    ]
    entry, run = read(write(tmp_path, "dcgm.prom", "".join(dumps)), "prometheus")
    assert list(channels(run).values()) == [("counter", "board", None)]
    assert energy_j(entry) == pytest.approx(2500)


def test_kepler_modes_add_up_and_packages_lie_in_the_platform(tmp_path: Path) -> None:
    lines = [
        f'kepler_node_{name}_joules_total{{instance="n",mode="{mode}"}} {50 * s} '
        f"{(T0_S + s) * 1000}"
        for s in SECONDS
        for name in ("platform", "package")
        for mode in ("idle", "dynamic")
    ]
    entry, run = read(write(tmp_path, "kepler.prom", "\n".join(lines)), "prometheus")
    assert channels(run)["package-n"] == ("counter", "package", "platform-n")
    assert energy_j(entry) == pytest.approx(1000)


def test_an_answer_of_prometheus(tmp_path: Path) -> None:
    metric = {"__name__": "DCGM_FI_DEV_POWER_USAGE", "gpu": "0", "Hostname": "n"}
    values = [[T0_S + s + 0.5, "250"] for s in SECONDS]
    answer = {"data": {"resultType": "matrix", "result": [{"metric": metric, "values": values}]}}
    entry, _ = read(write(tmp_path, "range.json", json.dumps(answer)), "prometheus")
    assert energy_j(entry) == pytest.approx(2500)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('DCGM_FI_DEV_POWER_USAGE{gpu="0"} 251.3\n', "no time of its values"),
        ('DCGM_FI_DEV_POWER_USAGE{gpu="0"} 251.3 1767607200000\n', "one moment"),
    ],
)
def test_one_dump_is_no_course_of_power(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=message):
        read(write(tmp_path, "dcgm.prom", text), "prometheus")


# --- powermetrics


def test_powermetrics_are_estimates_and_the_sum_contains_the_parts(tmp_path: Path) -> None:
    samples = [
        f"*** Sampled system activity (Mon Jan  5 11:00:{s:02d} 2026 +0100) (1000.00ms "
        f"elapsed) ***\n"
        "CPU Power: 1234 mW\nGPU Power: 56 mW\nCombined Power (CPU + GPU + ANE): 1290 mW\n"
        for s in SECONDS
    ]
    entry, run = read(write(tmp_path, "pm.txt", "\n".join(samples)), "powermetrics")
    assert channels(run)["cpu"] == ("estimate", "package", "combined")
    assert run.traces[0].t_ns[0] == T0_S * 10**9
    assert energy_j(entry) == pytest.approx(12.9)


# --- Redfish


@pytest.mark.parametrize(
    "body",
    [
        {"@odata.type": "#EnvironmentMetrics.v1_3_0", "Id": "E", "PowerWatts": {"Reading": 400}},
        {"@odata.type": "#Power.v1_5_0.Power", "PowerControl": [{"PowerConsumedWatts": 400}]},
        {"@odata.type": "#Sensor.v1_2_0", "Id": "P", "Reading": 400, "ReadingUnits": "W"},
    ],
)
def test_redfish_snapshots(body: dict[str, Any], tmp_path: Path) -> None:
    lines = [json.dumps({"time": f"2026-01-05T10:00:{s:02d}Z", "body": body}) for s in SECONDS]
    entry, run = read(write(tmp_path, "bmc.jsonl", "\n".join(lines)), "redfish")
    assert [(kind, boundary) for kind, boundary, _ in channels(run).values()] == [
        ("instant", "node")
    ]
    assert energy_j(entry) == pytest.approx(4000)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"@odata.type": "#PowerSubsystem.v1_1_0", "CapacityWatts": 4000}, "no measured power"),
        ({"@odata.type": "#Power.v1", "PowerControl": [{"PowerConsumedWatts": 4}]}, "no time"),
    ],
)
def test_redfish_that_is_no_series_of_measurements(
    body: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableError, match=message):
        read(write(tmp_path, "bmc.json", json.dumps(body)), "redfish")


# --- Yokogawa


def test_yokogawa_sum_contains_its_elements(tmp_path: Path) -> None:
    rows = [f"{s},2026/01/05,10:00:{s:02d},120,230.1,1.5,100.0,200.0,300.0" for s in SECONDS]
    head = "Model,WT333E\nStore No.,Date,Time,Millisecond,U-1,I-1,P-1,P-2,P-SIGMA\n"
    entry, run = read(write(tmp_path, "wt.csv", head + "\n".join(rows)), "yokogawa")
    assert channels(run)["element-1"] == ("mean", "wall", "total")
    assert energy_j(entry) == pytest.approx(3000)
    assert score(entry, draws=1000).measurement_class == "analyzer"


def test_yokogawa_value_beyond_the_range_is_dropped(tmp_path: Path) -> None:
    rows = [f"{s},2026/01/05,10:00:{s:02d},120,348.2" for s in SECONDS]
    rows[3] = rows[3].replace("348.2", "---OL---")
    head = "Store No.,Date,Time,Millisecond,P-1\n"
    _, run = read(write(tmp_path, "wt.csv", head + "\n".join(rows)), "yokogawa")
    assert [item.raw for item in run.traces[0].dropped] == ["---OL---"]


# --- Results that state an energy


def test_ml_energy_is_declared(tmp_path: Path) -> None:
    result = {
        "model_id": "m",
        "steady_state_energy": 5000.0,
        "steady_state_duration": 10.0,
        "steady_state_energy_per_token": 0.5,
    }
    entry, run = read(write(tmp_path, "results.json", json.dumps(result)), "ml-energy")
    assert (run.declared_energy_j, run.seconds, run.traces) == (5000.0, 10.0, ())
    assert run.work == Work(10_000, "token")
    assert score(entry, draws=1000).measurement_class == "declared"


def test_inferencex_is_declared(tmp_path: Path) -> None:
    result = {
        "hw": "h200",
        "conc": 4,
        "power_valid": 1,
        "avg_total_gpu_power_w": 2500.0,
        "total_gpu_energy_j": 25_000.0,
        "joules_per_output_token": 2.5,
    }
    entry, run = read(write(tmp_path, "agg.json", json.dumps(result)), "inferencex")
    assert (run.declared_energy_j, run.seconds) == (25_000.0, 10.0)
    assert run.work == Work(10_000, "token")
    assert score(entry, draws=1000).measurement_class == "declared"


@pytest.mark.parametrize(
    ("change", "message"),
    [({"power_valid": 0}, "not valid"), ({"total_gpu_energy_j": None}, "no energy")],
)
def test_inferencex_without_an_energy_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    result = {"conc": 4, "total_gpu_energy_j": 1.0, "joules_per_output_token": 2.5} | change
    with pytest.raises(UnreadableError, match=message):
        read(write(tmp_path, "agg.json", json.dumps(result)), "inferencex")


# --- All of them

LOGGERS = [reader for reader in formats() if isinstance(reader, LoggerFormat)]
SAMPLES = {
    "nvidia-smi": smi(),
    "codecarbon": CARBON_HEADER + "2026-01-05T10:00:00,mine,abc,100.0,0.0012,0.0042,0.001,0.0031\n",
    "perf-stat": STARTED + perf(PERF_LINE),
    "turbostat": turbostat(),
    "ipmi-dcmi": dcmi(),
    "yokogawa": "Store No.,Date,Time,Millisecond,P-1\n1,2026/01/05,10:00:00,120,348.2\n",
}


@pytest.mark.parametrize("cell", ["1_0", "２５０", "٢٥٠", "nan", "inf", "0x10"])
def test_what_only_python_reads_is_no_number(cell: str) -> None:
    assert reading(f"{cell} W", "W") is None


def test_every_logger_has_a_name_of_its_own() -> None:
    names = [reader.name for reader in LOGGERS]
    assert len(names) == len(set(names)) >= 11


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    position=st.floats(0, 1),
    junk=st.sampled_from(["", "\x00", ",", ";", "\n", "-", "9" * 500, "1e999", "\ufffd", "[N/A]"]),
    removed=st.integers(0, 30),
)
def test_a_broken_file_is_refused_or_read_never_more(
    tmp_path_factory: pytest.TempPathFactory, name: str, position: float, junk: str, removed: int
) -> None:
    text = SAMPLES[name]
    at = round(position * len(text))
    folder = tmp_path_factory.mktemp("broken")
    path = write(
        folder, "log.csv" if name in ("codecarbon", "yokogawa", "nvidia-smi") else "log.txt", ""
    )
    path.write_text(text[:at] + junk + text[at + removed :], "utf-8")
    message = ""
    try:
        for place in find(path):
            assert isinstance(place, Found)
            place.read()
    except JoulemarkError as error:
        message = str(error)
    assert "Please report" not in message


def test_a_tree_of_logs_is_one_entry_a_file(tmp_path: Path) -> None:
    write(tmp_path, "smi.csv", smi(), utc_offset="Z")
    write(tmp_path, "dcmi.txt", dcmi())
    write(tmp_path, "notes.txt", "nothing")
    assert sorted(place.id for place in find(tmp_path) if isinstance(place, Found)) == [
        "dcmi",
        "smi",
    ]
