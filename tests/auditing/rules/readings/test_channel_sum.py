"""channel-sum: the channels of an analyzer add up to its total."""

from pathlib import Path

import numpy as np
import pytest
from lab_simulator import Faults

from harness.auditing.report import EntryReport
from tests.auditing.rules import builders as b

RULE = "channel-sum"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_files_of_one_three_and_two_channels(tmp_path: Path, analyzers: str) -> None:
    found = b.report(b.inference(tmp_path, analyzers=analyzers))
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


def test_pass_a_failed_read_of_one_analyzer(tmp_path: Path) -> None:
    """The merged line then holds the other analyzer alone, and the failed part has no reading to
    compare."""
    found = b.report(
        b.inference(tmp_path, analyzers="two_analyzers", faults=Faults(fail={300: "-1"}))
    )
    b.assert_pass(found, RULE)


def judged(total_w: float, *channels_w: float) -> EntryReport:
    """The report of a steady total and its channels."""
    parts = [
        b.trace(range(-2, 603), value, id=f"ch{value:.0f}", part_of="total") for value in channels_w
    ]
    return b.judge(b.entry(b.run(b.trace(range(-2, 603), total_w), *parts)))


@pytest.mark.parametrize(("off_w", "fails"), [(0.49, False), (0.51, True)])
def test_fail_limit_of_half_a_watt(off_w: float, fails: bool) -> None:
    found = judged(100.0, 60.0, 40.0 - off_w)
    if fails:
        b.assert_found(
            found, RULE, "fail", where="total.csv", got="100.00 W against 99.49 W", expected="0.5 W"
        )
    else:
        b.assert_pass(found, RULE)


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_fail_total_edited_and_channels_left(tmp_path: Path, factor: float) -> None:
    folder = b.inference(tmp_path, analyzers="WT333E")
    b.edit_lines(
        b.spl(folder),
        lambda n, line: b.set_watts(line, f"{b.watts(line) * factor:.6f}") if n == 300 else line,
        "Time,",
    )
    b.rehash(folder)
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="3 channels; 1 readings differ",
        expected="0.001",
    )


def test_warn_no_common_stamp() -> None:
    part = b.trace(np.arange(-2, 603) + 0.5, id="ch1", part_of="total")
    found = b.judge(b.entry(b.run(b.trace(range(-2, 603)), part)))
    b.assert_found(
        found, RULE, "warn", where="total.csv", got="no common stamp", expected="same stamps"
    )


def test_pass_a_package_behind_a_wall_meter_is_no_share_of_it() -> None:
    parts = [b.trace(range(-2, 603), 90.0, id="package", boundary="package", part_of="total")]
    b.assert_pass(b.judge(b.entry(b.run(b.trace(range(-2, 603)), *parts))), RULE)


@pytest.mark.parametrize(("off_w", "fails"), [(0.0, False), (0.01, False), (0.4, True)])
def test_fail_three_percent_of_a_small_total(off_w: float, fails: bool) -> None:
    """14.48 W in two channels, each printed to a hundredth of a watt."""
    found = judged(14.48, 8.36, 6.12 - off_w)
    if fails:
        b.assert_found(
            found,
            RULE,
            "fail",
            where="total.csv",
            got="14.48 W against 14.08 W",
            expected="0.015 W",
        )
    else:
        b.assert_pass(found, RULE)


def test_pass_a_third_channel_without_wires(tmp_path: Path) -> None:
    """PTDaemon 1.9.2 printed three channels where two were measured, and no volts and amperes of
    the total."""
    folder = b.inference(tmp_path, analyzers="WT333E")

    def two_channels(_: int, line: str) -> str:
        ahead, _, behind = line.rstrip("\n").partition(",Ch3,Watts,")
        cells = b.set_watts(ahead, f"{b.watts(ahead) - float(behind.split(',')[0]):.6f}").split(",")
        cells[5] = cells[7] = cells[9] = "-1.000000"
        none = "Watts,0.000000,Volts,0.000000,Amps,0.000000,PF,0.000000"
        return ",".join([*cells, "Ch3", none]) + "\n"

    b.edit_lines(b.spl(folder), two_channels, "Time,")
    b.rehash(folder)
    found = b.report(folder)
    b.assert_pass(found, RULE)
    b.assert_pass(found, "power-arithmetic")
