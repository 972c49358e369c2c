"""Options for equipment that all machines share, and for jobs that meet at a port."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.distributed.job import TOKEN_VARIABLE
from harness.live.plan import Settings, plan_command, shared_power
from tests.live.distributed.meter_file import header


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "SLURM_JOB_ID", TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def settings(tmp_path: Path, **given: object) -> Settings:
    return Settings(out=tmp_path / "runs", meters=["estimator"], **given)  # type: ignore[arg-type]


def test_rated_equipment_counts_at_its_share(tmp_path: Path) -> None:
    declared = ["spine=350*0.25", "leaf=120"]
    parts = shared_power(settings(tmp_path, shared_power=declared))
    assert [(part.id, part.power_w, part.boundary) for part in parts] == [
        ("spine", 87.5, "interconnect"),
        ("leaf", 120.0, "interconnect"),
    ]
    assert parts[0].source == "declared by the submitter: rated power 350 W, share 0.25"


@pytest.mark.parametrize(
    "text", ["", "spine", "=3", "spine=", "spine=0", "spine=-1", "spine=nan", "spine=9*2", "s=9*0"]
)
def test_fail_what_is_no_rated_power(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--shared-power.*NAME=WATTS"):
        shared_power(settings(tmp_path, shared_power=[text]))


def test_a_shared_meter_has_a_journal_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "switch.csv"
    path.write_text(header("switch", calibration_id="s/1", boundary="interconnect"))
    plan = plan_command(["true"], settings(tmp_path, shared_meters=[f"file:path={path}"]))
    (request,) = plan.shared_meters
    assert request.journal_prefix == "shared-"


def test_fail_several_shared_meters_that_feed_machines(tmp_path: Path) -> None:
    meters = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.csv"
        path.write_text(header(name, calibration_id=name, boundary="pdu"))
        meters.append(f"file:path={path}")
    with pytest.raises(UsageError, match="several shared meters feed machines"):
        plan_command(["true"], settings(tmp_path, shared_meters=meters))


def test_fail_to_meet_at_a_port_without_anything_that_names_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match=TOKEN_VARIABLE) as caught:
        plan_command(["true"], settings(tmp_path, meet="node0:29511"))
    assert "openssl rand" in caught.value.fix
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    assert plan_command(["true"], settings(tmp_path, meet="node0:29511")).meet == "node0:29511"
    monkeypatch.delenv(TOKEN_VARIABLE)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert plan_command(["true"], settings(tmp_path, meet="node0:29511")).meet == "node0:29511"
