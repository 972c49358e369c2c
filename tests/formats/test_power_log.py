"""What readers of power logs share: the document beside a file, numbers, and broken files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import JoulemarkError, UnreadableError
from harness.formats.base import Work
from harness.formats.discovery import Found, find
from harness.formats.power_log.cells import reading, stamp_ns
from harness.formats.power_log.log import About
from harness.formats.power_log.reader import LoggerFormat
from harness.formats.registry import formats
from tests.formats.loggers.logs import SECONDS, T0_S, codes, energy_j, read, write
from tests.formats.loggers.test_codecarbon import CARBON_HEADER
from tests.formats.loggers.test_ipmi_dcmi import dcmi
from tests.formats.loggers.test_nvidia_smi import smi
from tests.formats.loggers.test_perf_stat import PERF_LINE, STARTED, perf
from tests.formats.loggers.test_turbostat import turbostat


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
    ("offset", "hours"), [("Z", 0.0), ("+05:30", 5.5), ("-03:30", -3.5), ("+00:45", 0.75)]
)
def test_an_offset_has_hours_and_minutes(offset: str, hours: float, tmp_path: Path) -> None:
    _, run = read(write(tmp_path, "smi.csv", smi(), utc_offset=offset), "nvidia-smi")
    first_s = int(run.traces[0].t_ns[0]) / 1e9
    assert first_s == pytest.approx(T0_S + 0.12 - 3600 * hours, abs=1e-6)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"zone": "Z"}, "mean nothing here"),
        ({"utc_offset": "MEZ"}, "utc_offset is no offset"),
        ({"utc_offset": "+29:00"}, "utc_offset is no offset"),
        ({"interval_s": True}, "interval_s"),
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


def test_a_window_may_state_one_end(tmp_path: Path) -> None:
    about = {"run": {"window": {"start": "2026-01-05T10:00:04Z"}}, "utc_offset": "Z"}
    entry, run = read(write(tmp_path, "smi.csv", smi(), **about), "nvidia-smi")
    assert run.window is not None
    assert run.window.start_ns == (T0_S + 4) * 10**9
    assert run.window.stop_ns == int(run.traces[0].t_ns[-1])
    assert codes(entry) == []


def test_what_stands_beside_a_declared_energy_is_checked_too(tmp_path: Path) -> None:
    about = {"run": {"work": {"count": 30, "unit": "bananas"}}}
    with pytest.raises(JoulemarkError, match="unit"):
        read(write(tmp_path, "result.json", DECLARED, **about), "inferencex")


def test_fields_of_the_channel_replace_those_of_the_reader(tmp_path: Path) -> None:
    about = {"channel": {"calibration_id": "lab-7", "clock_error_s": 0.01}}
    _, run = read(write(tmp_path, "smi.csv", smi(boards=1), **about), "nvidia-smi")
    channel = run.traces[0].channel
    assert (channel.calibration_id, channel.clock_error_s) == ("lab-7", 0.01)


LOGGERS = [reader for reader in formats() if isinstance(reader, LoggerFormat)]
DUMPS = "".join(
    f"# scraped {T0_S + k}\n"
    f'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="0"}} {1_000_000 + 250_000 * k}\n'
    for k in SECONDS
)
SNAPSHOTS = "".join(
    f'{{"time": "2026-01-05T10:00:{k:02d}Z", "body": '
    f'{{"@odata.type": "#EnvironmentMetrics", "PowerWatts": {{"Reading": 400}}}}}}\n'
    for k in SECONDS
)
POWERMETRICS = "".join(
    f"*** Sampled system activity (Mon Jan  5 11:00:{k:02d} 2026 +0100) (1000.00ms elapsed) ***\n"
    "CPU Power: 1234 mW\nGPU Power: 56 mW\n"
    for k in SECONDS
)
DECLARED = '{"conc": 4, "hw": "h", "total_gpu_energy_j": 25000.0, "joules_per_output_token": 2.5}'
SUFFIXES = {
    "codecarbon": "csv",
    "yokogawa": "csv",
    "nvidia-smi": "csv",
    "redfish": "json",
    "inferencex": "json",
}
SAMPLES = {
    "nvidia-smi": smi(),
    "codecarbon": CARBON_HEADER + "2026-01-05T10:00:00,mine,abc,100.0,0.0012,0.0042,0.001,0.0031\n",
    "perf-stat": STARTED + perf(PERF_LINE),
    "turbostat": turbostat(),
    "ipmi-dcmi": dcmi(),
    "prometheus": DUMPS,
    "redfish": SNAPSHOTS,
    "powermetrics": POWERMETRICS,
    "inferencex": DECLARED,
    "yokogawa": "Store No.,Date,Time,Millisecond,P-1\n1,2026/01/05,10:00:00,120,348.2\n",
}


@pytest.mark.parametrize("cell", ["1_0", "２５０", "٢٥٠", "nan", "inf", "0x10"])
def test_what_only_python_reads_is_no_number(cell: str) -> None:
    assert reading(f"{cell} W", "W") is None


def test_a_stamp_in_digits_of_another_script_is_no_time() -> None:
    form = "%Y/%m/%d %H:%M:%S"
    assert stamp_ns("2026/01/05 10:00:00", About(), form) == T0_S * 10**9
    assert stamp_ns("２026/01/05 10:00:00", About(), form) == 0


def test_every_logger_has_a_name_of_its_own() -> None:
    names = [reader.name for reader in LOGGERS]
    assert len(names) == len(set(names)) >= 11


@settings(max_examples=400, deadline=None)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    position=st.floats(0, 1),
    junk=st.sampled_from(
        ["", "\x00", ",", ";", "\n", "\r", '"', "-", "9" * 500, "1e999", "1e300", "\ufffd", "[N/A]"]
    ),
    removed=st.integers(0, 30),
)
def test_a_broken_file_is_refused_or_read_never_more(
    tmp_path_factory: pytest.TempPathFactory, name: str, position: float, junk: str, removed: int
) -> None:
    text = SAMPLES[name]
    at = round(position * len(text))
    folder = tmp_path_factory.mktemp("broken")
    path = folder / f"log.{SUFFIXES.get(name, 'txt')}"
    path.write_text(text[:at] + junk + text[at + removed :], "utf-8")
    message = ""
    try:
        for place in find(path):
            assert isinstance(place, Found)
            place.read()
    except JoulemarkError as error:
        message = str(error)
    assert "Please report" not in message


def test_a_log_in_utf_16_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "smi.csv"
    path.write_text(smi(), "utf-16")
    with pytest.raises(UnreadableError, match="UTF-16"):
        read(path, "nvidia-smi")


@pytest.mark.parametrize("line_end", ["\r", "\r\n"])
def test_every_line_end_is_read(line_end: str, tmp_path: Path) -> None:
    path = tmp_path / "smi.csv"
    write(tmp_path, "smi.csv", smi())
    entry, _ = read(path, "nvidia-smi")
    path.write_bytes(smi().replace("\n", line_end).encode())
    same, _ = read(path, "nvidia-smi")
    assert energy_j(same) == energy_j(entry)


def test_a_quote_that_nothing_closes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "log.csv", SAMPLES["yokogawa"] + '2,"' + "9" * 200_000)
    with pytest.raises(UnreadableError, match="not readable as CSV"):
        read(path, "yokogawa")


def test_a_tree_of_logs_is_one_entry_a_file(tmp_path: Path) -> None:
    write(tmp_path, "smi.csv", smi(), utc_offset="Z")
    write(tmp_path, "dcmi.txt", dcmi())
    write(tmp_path, "notes.txt", "nothing")
    assert sorted(place.id for place in find(tmp_path) if isinstance(place, Found)) == [
        "dcmi",
        "smi",
    ]
