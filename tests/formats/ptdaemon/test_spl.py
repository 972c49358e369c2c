"""spl.txt of analyzers with several channels: the groups, and the columns of the total."""

from __future__ import annotations

import pytest

from harness.formats.ptdaemon.spl import read_spl

LINES = {
    "a leading and a lagging channel": (
        "Watts,685.630000,Volts,119.105000,Amps,3.406900,PF,0.991842,Mark,m,"
        "Ch1,Watts,366.930000,Volts,118.360000,Amps,3.406700,PF,0.910000,"
        "Ch2,Watts,318.700000,Volts,119.850000,Amps,3.407100,PF,0.780500"
    ),
    "a total without volts and amperes": (
        "Watts,844.880000,Volts,-1.000000,Amps,-1.000000,PF,-1.000000,Mark,m,"
        "Ch1,Watts,426.660000,Volts,117.620000,Amps,4.208200,PF,0.862000,"
        "Ch2,Watts,418.220000,Volts,118.190000,Amps,4.081400,PF,0.867000,"
        "Ch3,Watts,0.000000,Volts,0.000000,Amps,0.000000,PF,0.000000"
    ),
    "the sum of three channels only": (
        "Watts,1031.860000,Volts,206.380000,Amps,1.708133,PF,0.975698,Mark,m"
    ),
    "no volts and amperes at "
    "all": "Watts,1031.860000,Volts,-1.000000,Amps,-1.000000,PF,-1.000000,Mark,m",
}


def read(what: str, channels: int = 1, lines: int = 20, change: tuple[str, str] = ("", "")):  # type: ignore[no-untyped-def]
    text = LINES[what].replace(*change) if change[0] else LINES[what]
    rows = [f"Time,02-24-2023 18:16:{second:02d}.886,{text}" for second in range(lines)]
    return read_spl("\n".join(rows).encode(), "spl.txt", channels)


@pytest.mark.parametrize(
    ("what", "channels", "factor"),
    [
        ("a leading and a lagging channel", 2, 0.8448),
        ("a total without volts and amperes", 2, 0.8645),
        ("the sum of three channels only", 3, 0.9757),
    ],
)
def test_power_factor_is_that_of_the_channels_and_not_of_their_vectors_sum(
    what: str, channels: int, factor: float
) -> None:
    assert read(what, channels).power_factor == pytest.approx(factor, abs=1e-4)


def test_a_power_factor_that_no_line_tells_is_none() -> None:
    assert read("no volts and amperes at all", 3).power_factor is None


def test_volts_and_amperes_next_to_nothing_make_no_power_factor_beyond_one() -> None:
    line = b"Time,07-25-2024 11:06:30.245,Watts,%s,Volts,1e-160,Amps,1e-160,PF,1.0,Mark,m\n"
    assert read_spl(line % b"500000.0" * 3, "spl.txt").power_factor == 1


def test_a_channel_without_wires_is_none_but_its_name_stands_in_the_file() -> None:
    found = read("a total without volts and amperes", 2)
    assert [name for name, _ in found.parts] == ["Ch1", "Ch2"]
    assert found.channels == 2
    assert found.electric.parts == ("Ch1", "Ch2", "Ch3")


def test_one_reading_makes_a_channel() -> None:
    text = "Ch3,Watts,0.000000,Volts,0.000000,Amps,0.000000"
    rows = [LINES["a total without volts and amperes"]] * 20
    rows[7] = rows[7].replace(text, "Ch3,Watts,-1.000000,Volts,0.000000,Amps,0.000000")
    content = "\n".join(f"Time,02-24-2023 18:16:{n:02d}.886,{row}" for n, row in enumerate(rows))
    assert read_spl(content.encode(), "spl.txt").channels == 3


@pytest.mark.parametrize("tail", ["", "\nTime,cut"])
@pytest.mark.parametrize("what", [what for what in LINES if "no volts" not in what])
def test_readings_of_several_channels_do_not_contradict_themselves(what: str, tail: str) -> None:
    rows = [f"Time,02-24-2023 18:16:{n:02d}.886,{LINES[what]}" for n in range(20)]
    found = read_spl(("\n".join(rows) + tail).encode(), "spl.txt", 3)
    assert found.electric.mismatch_w.max() == 0


@pytest.mark.parametrize(
    ("what", "change", "off_w"),
    [
        ("a leading and a lagging channel", ("Ch2,Watts,318.7", "Ch2,Watts,308.7"), 10.0),
        (
            "a leading and a lagging channel",
            ("Watts,685.63", "Watts,985.63"),
            985.63 - 1.01 * 804.94,
        ),
        (
            "the sum of three channels only",
            ("Watts,1031.86", "Watts,1131.86"),
            1131.86 - 1.01 * 1031.88,
        ),
    ],
)
def test_an_edited_power_of_several_channels_does(
    what: str, change: tuple[str, str], off_w: float
) -> None:
    assert read(what, 3, change=change).electric.mismatch_w.max() == pytest.approx(off_w, abs=0.1)


def test_the_sum_of_an_analyzer_of_one_channel_is_judged_on_both_sides() -> None:
    found = read("the sum of three channels only", 1)
    assert found.electric.mismatch_w.min() == pytest.approx(1031.86 - 343.96, abs=0.1)


@pytest.mark.parametrize(
    ("amps", "power_factor", "fits"),
    [
        ("0.124000", "0.469000", True),
        ("0.124000", "0.469001", True),
        ("0.124001", "0.469001", False),
    ],
)
def test_rounding_of_the_printed_digits_is_no_contradiction(
    amps: str, power_factor: str, fits: bool
) -> None:
    """0.124 is between 0.1235 and 0.1245: 0.4 %, which 0.124001 is not."""
    line = (
        f"Time,03-19-2021 04:16:24.600,Watts,14.530000,Volts,248.990000,Amps,{amps},PF,"
        f"{power_factor},Mark,m"
    )
    found = read_spl(line.encode(), "spl.txt")
    assert (found.electric.mismatch_w.max() == 0) == fits


@pytest.mark.parametrize("milliseconds", ["886", "007", "120"])
def test_stamps_are_read_to_the_millisecond(milliseconds: str) -> None:
    text = LINES["the sum of three channels only"]
    rows = [f"Time,02-24-2023 18:16:{second:02d}.{milliseconds},{text}" for second in range(20)]
    found = read_spl("\n".join(rows).encode(), "spl.txt", 3)
    first = 1_677_262_560_000 + int(milliseconds)
    assert (found.t_ns // 10**6).tolist() == [first + 1000 * second for second in range(20)]
