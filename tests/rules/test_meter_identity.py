"""meter-identity: the analyzer is the one that was set up."""

from pathlib import Path

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "meter-identity"


def test_pass_but_for_the_calibration_date(tmp_path: Path) -> None:
    found = b.report(b.inference(tmp_path, analyzers="WT333E"))
    (hit,) = b.of(found, RULE)
    assert (hit.status, hit.got.partition(":")[0]) == ("warn", "no calibration date")


def test_fail_config_of_another_meter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.config_of_another_meter)
    b.assert_found(found, RULE, "fail", where="server.json", got="device type 52", expected="8, as YokogawaWT210")


def test_fail_other_ptdaemon(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.other_ptdaemon)
    b.assert_found(found, RULE, "fail", where="server.json", got="PTDaemon 1.9.2", expected="1.10.0")


def test_fail_meter_that_is_not_accepted(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.meter_that_is_not_accepted)
    b.assert_found(found, RULE, "fail", where="server.json", got="PlugMeter9000", expected="YokogawaWT210")


def test_fail_identity_of_another_meter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.identity_of_another_meter)
    b.assert_found(found, RULE, "fail", where="ptd_logs.txt", got="the identity is another", expected="WT310E")


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
