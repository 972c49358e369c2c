"""meter-range: the ranges that were set fit the load."""

from pathlib import Path

import pytest

from harness.formats.ptdaemon.analyzer import amp_steps
from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "meter-range"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_warn_overloaded_range(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.overloaded_range)
    b.assert_found(
        found, RULE, "warn", where="run_1/spl.txt", got="of the range", expected="at most 1 of 2"
    )


def test_warn_far_too_wide_a_range(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.far_too_wide_a_range)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="run_1/spl.txt",
        got="in a range of 20",
        expected="the range of 10",
    )


def test_warn_automatic_ranges_in_testing(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.automatic_ranges_in_testing)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="ptd_logs.txt",
        got="current range not fixed",
        expected="a fixed range",
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def each_channel(folder: Path, amps: tuple[float, float, float] = (20.0, 20.0, 10.0)) -> None:
    """The ranges as a WT500 reports them, with the unit that PTDaemon gives its voltages."""
    path = t.power(folder, "ptd_logs.txt")
    kept = []
    for line in path.read_bytes().decode().splitlines(keepends=True):
        ahead = line[:23]
        if "Volt range set to 300" in line:
            line = "".join(
                f"{ahead}: Voltage range for channel {n}, physical channel {n}, set to "
                f"300.000000A\n"
                for n in (1, 2, 3)
            )
        elif "Amp range set to " in line:
            line = "".join(
                f"{ahead}: Amp range for channel {n}, physical channel {n}, set to "
                f"{amps[n - 1]:.6f}A\n"
                for n in (1, 2, 3)
            )
        kept.append(line)
    path.write_bytes("".join(kept).encode())


def test_pass_ranges_of_each_channel(tmp_path: Path) -> None:
    """450 W in three channels: about 0.7 A each."""
    found = t.judged(
        tmp_path, lambda folder: each_channel(folder, (1.0, 1.0, 1.0)), analyzers="WT333E"
    )
    b.assert_pass(found, RULE)


def test_warn_largest_range_of_the_channels_is_too_wide(tmp_path: Path) -> None:
    found = t.judged(tmp_path, each_channel, analyzers="WT333E")
    b.assert_found(
        found,
        RULE,
        "warn",
        where="run_1/spl.txt",
        got="in a range of 20",
        expected="the range of 10",
    )


def test_warn_ranges_of_each_channel_too_small(tmp_path: Path) -> None:
    found = t.judged(
        tmp_path, lambda folder: each_channel(folder, (0.5, 0.5, 0.5)), analyzers="WT333E"
    )
    b.assert_found(
        found, RULE, "warn", where="run_1/spl.txt", got="of the range", expected="at most 1 of 0.5"
    )


def test_pass_mean_of_three_currents_is_no_peak(tmp_path: Path) -> None:
    """Where only the sum is printed, one channel may have what the range is for."""

    def edit(folder: Path) -> None:
        for run in ("ranging", "run_1"):
            t.rows(folder, lambda _, line: line.partition(",Ch1,")[0] + "\n", run)
        t.far_too_wide_a_range(folder)

    b.assert_pass(t.judged(tmp_path, edit, analyzers="WT333E"), RULE)


@pytest.mark.parametrize(
    ("identity", "steps"),
    [
        ("YokogawaWT310,mode=power,1,1,1,0,0,no_cal_date,YOKOGAWA;WT310;C2;F1.01EM", (0.1, 0.2)),
        ("YokogawaWT310E,mode=power,1,1,1,0,0,no_cal_date,YOKOGAWA;WT310EH;C2;F1.04", (1.0, 40.0)),
        (
            "YokogawaWT500_multichannel,mode=power,1,1,3,0,0,no_cal_date,YOKOGAWA;760203;C2;F1.31",
            (0.5, 40.0),
        ),
        ("YokogawaWT330E,mode=power,1,1,1,0,0,no_cal_date,YOKOGAWA;WT333E;C2;F1.04", (0.5, 20.0)),
    ],
)
def test_pass_ranges_that_a_model_has(identity: str, steps: tuple[float, ...]) -> None:
    assert set(steps) <= set(amp_steps(identity))
    assert (0.1 in amp_steps(identity)) == (0.1 in steps)
