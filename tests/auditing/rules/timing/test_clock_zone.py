"""clock-zone: readings and window are stamped in one time zone."""

from pathlib import Path

from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "clock-zone"


def test_pass_one_clock(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, zone_h=-7.0)), RULE)


def test_pass_logs_in_local_time_beside_readings_in_utc(tmp_path: Path) -> None:
    """test_datetime and the session's name are local; the window and the readings are not."""
    found = b.report(b.inference(tmp_path, zone_h=5.75))
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


def test_warn_switch_five_hours_behind(tmp_path: Path) -> None:
    form = TrainingForm(
        switch_power_w=691.0, switch_clock_s=-5 * 3600.0, conversion_eff=0.96, rank_prefix=True
    )
    found = b.report(b.training(tmp_path, form, nodes=2))
    b.assert_found(found, RULE, "warn", where="power/result_0/sw_0.txt", got="+5 h", expected="UTC")
    assert b.of(found, "coverage") == [], "the shift was undone"
    assert found.verdict == "valid"


def test_fail_readings_an_hour_ahead(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit(b.spl(folder), lambda text: text.replace(" 00:", " 01:"))
    found = b.report(folder)
    b.assert_found(
        found, RULE, "warn", where="run_1/spl.txt", got="1 h between", expected="both in UTC"
    )
    b.assert_found(
        found, "declared-hashes", "fail", where="run_1/spl.txt", got="sha1", expected="server.json"
    )
