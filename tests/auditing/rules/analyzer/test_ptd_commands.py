"""ptd-commands: the analyzer got the commands of the power workflow."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-commands"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def ask(folder: Path, name: str, value: str) -> None:
    """Another range asked for the testing run."""

    def change(content: dict[str, Any]) -> None:
        set_it = [
            m
            for m in content["ptd_messages"]
            if m["cmd"].startswith(f"SR,{name},") and "Auto" not in m["cmd"]
        ]
        set_it[0]["cmd"] = f"SR,{name},{value}"

    t.document(folder, "server", change)


def largest(folder: Path, *groups: str) -> float:
    """The largest voltage of the ranging run, of the total and of some channels."""
    lines = [
        line for line in t.spl(folder, "ranging").read_text("utf-8").splitlines() if "Time," in line
    ]
    volts = [float(line.partition("Volts,")[2].split(",")[0]) for line in lines]
    volts += [float(line.partition(f",{g},")[2].split(",")[3]) for line in lines for g in groups]
    return max(volts)


def configured(channel: object, *groups: str) -> t.Edit:
    """An analyzer of which the workflow looked at the total and at these channels when it chose
    the range."""

    def change(folder: Path) -> None:
        t.document(folder, "server", lambda content: content["ptd_config"].update(channel=channel))
        ask(folder, "V", f"{largest(folder, *groups):.6f}")

    return change


@pytest.mark.parametrize(
    ("channel", "groups"),
    [
        ([1], ("Ch1",)),
        ([2], ("Ch1", "Ch2")),
        ([2, 1], ("Ch2",)),
        ([2, 2], ("Ch2", "Ch3")),
        ([1], ()),
        (None, ()),
    ],
)
def test_pass_range_of_the_channels_that_are_configured(
    channel: object, groups: tuple[str, ...], tmp_path: Path
) -> None:
    """A WT500 has [1] for its first channel, a WT330 [first, number]: the range is the largest
    of these."""
    b.assert_pass(t.judged(tmp_path, configured(channel, *groups), analyzers="WT333E"), RULE)


@pytest.mark.parametrize(
    "channel", [[-1, 10**400], [10**400, -1], ["1", None], [], {"a": 1}, True, [1, 2, 3]]
)
def test_fail_range_of_none_of_them(channel: object, tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        configured(channel)(folder)
        ask(folder, "V", f"{largest(folder) - 1:.6f}")

    found = t.judged(tmp_path, change, analyzers="WT333E")
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="V range asked for testing",
        expected="1 times",
    )


def test_fail_margin_of_another_round(tmp_path: Path) -> None:
    """Until v3.0 the range was that of the largest current itself."""
    found = t.judged(tmp_path / "new", t.ranges_without_the_margin)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="A range asked for testing",
        expected="1.1 times",
    )
    b.assert_pass(t.judged(tmp_path / "old", lambda f: t.of_round(f, "3.0")), RULE)

    def with_margin(folder: Path) -> None:
        asked = [
            m["cmd"]
            for m in json.loads(t.power(folder, "server.json").read_text("utf-8"))["ptd_messages"]
        ]
        (value,) = [cmd[5:] for cmd in asked if cmd.startswith("SR,A") and "Auto" not in cmd]
        t.of_round(folder, "3.0")
        ask(folder, "A", value)

    found = t.judged(tmp_path / "margin", with_margin)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="A range asked for testing",
        expected=": 1 times",
    )


@pytest.mark.parametrize("lost", [1, 0])
def test_pass_range_of_a_reading_that_spl_lacks(lost: int, tmp_path: Path) -> None:
    """The PTDaemon counted 626 readings and spl.txt holds 625: the last one may be the largest."""

    def edit(folder: Path) -> None:
        t.of_round(folder, "3.0")
        (requested,) = {
            message["cmd"]
            for message in json.loads(t.power(folder, "server.json").read_text())["ptd_messages"]
            if message["cmd"].startswith("SR,V,") and "Auto" not in message["cmd"]
        }
        t.everywhere(folder, requested, f"SR,V,{float(requested[5:]) + 0.01:.6f}")
        if lost:
            t.without_last(folder, lost, "ranging")

    found = b.of(t.judged(tmp_path, edit), RULE)
    assert [f.severity for f in found] == ([] if lost else ["fail"])


def test_fail_ranges_by_hand(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.ranges_by_hand)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="A range asked for testing: 1.0",
        expected="1.1 times",
    )


def test_fail_slow_sampling(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.slow_sampling)
    b.assert_found(found, RULE, "fail", where="server.json", got="Go,5000", expected="Go,1000")


def test_fail_refused_range(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.refused_range)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="Error: range not available",
        expected="Range V changed",
    )


def test_fail_second_go(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.second_go)
    b.assert_found(
        found, RULE, "fail", where="server.json", got="_testing, Go", expected="_ranging"
    )


@pytest.mark.parametrize("initial", ["0,0.000000", "0,-1.0", "1,5.000000"])
def test_pass_first_range_that_was_none_is_restored_as_automatic(
    initial: str, tmp_path: Path
) -> None:
    """MLPerf's check takes a range of 0 or below for none."""

    def edit(folder: Path) -> None:
        t.say(folder, "RR", lambda reply: ",".join(["Ranges", initial, *reply.split(",")[3:]]))

    b.assert_pass(t.judged(tmp_path, edit), RULE)


def test_fail_ranges_not_restored(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.ranges_not_restored)
    b.assert_found(found, RULE, "fail", where="server.json", got="SR,A,5", expected="SR,A,Auto")


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )
