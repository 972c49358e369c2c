"""meter-identity: the analyzer is the one that was set up."""

from pathlib import Path
from typing import Any

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "meter-identity"


def test_pass_but_for_the_calibration_date(tmp_path: Path) -> None:
    found = b.report(b.inference(tmp_path, analyzers="WT333E"))
    (hit,) = b.of(found, RULE)
    assert (hit.status, hit.got.partition(":")[0]) == ("warn", "no calibration date")


@pytest.mark.parametrize(("date", "warns"), [("2015-01-01", True), ("2199-01-01", False)])
def test_warn_of_an_old_calibration(tmp_path: Path, date: str, warns: bool) -> None:
    """A date after the run is no age."""

    def calibrate(folder: Path) -> None:
        for path in folder.rglob("power/*"):
            if path.is_file():
                content = path.read_bytes()
                path.write_bytes(content.replace(b"no_cal_date", f"cal_date={date}".encode()))

    found = b.of(t.judged(tmp_path, calibrate), RULE)
    statuses = [hit.status for hit in found if "months before the run" in hit.got]
    assert statuses == ["warn"] * warns


def test_fail_config_of_another_meter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.config_of_another_meter)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="device type 52",
        expected="8, as YokogawaWT210",
    )


def test_fail_other_ptdaemon(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.other_ptdaemon)
    b.assert_found(
        found, RULE, "fail", where="server.json", got="PTDaemon 1.9.2", expected="1.10.0"
    )


def test_fail_meter_that_is_not_accepted(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.meter_that_is_not_accepted)
    b.assert_found(
        found, RULE, "fail", where="server.json", got="PlugMeter9000", expected="YokogawaWT210"
    )


def test_fail_identity_of_another_meter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.identity_of_another_meter)
    b.assert_found(
        found, RULE, "fail", where="ptd_logs.txt", got="the identity is another", expected="WT310E"
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def as_wt500(channel: list[int], words: str) -> t.Edit:
    """A WT500 with several channels: its device type takes the first channel alone."""

    def edit(folder: Path) -> None:
        t.everywhere(folder, "YokogawaWT330_multichannel", "YokogawaWT500_multichannel")
        t.everywhere(folder, "measurement device type 77...", "measurement device type 48...")

        def change(content: dict[str, Any]) -> None:
            command = ["48" if word == "77" else word for word in content["ptd_config"]["command"]]
            command[command.index("-c") + 1] = words
            content["ptd_config"].update(device_type=48, channel=channel, command=command)

        t.document(folder, "server", change)

    return edit


def test_pass_one_number_for_a_wt500(tmp_path: Path) -> None:
    found = t.judged(tmp_path, as_wt500([1], "1"), analyzers="WT333E")
    assert {hit.status for hit in b.of(found, RULE)} == {"warn"}  # no calibration date


def test_fail_pair_for_a_wt500(tmp_path: Path) -> None:
    found = t.judged(tmp_path, as_wt500([1, 3], "1,3"), analyzers="WT333E")
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="channels [1, 3]",
        expected="the first channel",
    )


def test_fail_one_number_for_a_wt333(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        t.document(folder, "server", lambda content: content["ptd_config"].update(channel=[1]))

    found = t.judged(tmp_path, edit, analyzers="WT333E")
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="channels [1]",
        expected="first and last channel",
    )
