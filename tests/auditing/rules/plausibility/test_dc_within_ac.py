"""dc-within-ac: the supplies give out no more power than they take in."""

import shutil
from pathlib import Path

from harness import api
from harness.auditing.report import EntryReport
from tests.auditing.rules import builders as b

RULE = "dc-within-ac"


def pair(
    root: Path,
    share: float,
    every: int = 1,
    names: tuple[str, str] = ("Lab-ac-power", "Lab-dc-power"),
) -> Path:
    """One package as measured before the supplies, and a second of the same runs with other
    readings."""
    folder = b.training(root, submitter=names[0])
    submitter = folder.parents[2]
    shutil.copytree(submitter, submitter.with_name(names[1]))
    other = submitter.with_name(names[1]) / "results" / "sim-1" / "bert"
    for run in range(3):
        b.edit_lines(
            b.node(other, run),
            lambda k, line: b.set_mllog(
                line, value=round(value(line) * (share if k % every == 0 else 0.97))
            ),
            "power_reading",
        )
    return root


def value(line: str) -> float:
    return float(line.split('"value": ')[1].split(",")[0])


def both(root: Path) -> tuple[EntryReport, EntryReport]:
    first, second = api.audit(root).entries
    return first, second


def test_pass_dc_below_ac(tmp_path: Path) -> None:
    for found in both(pair(tmp_path, 0.97)):
        b.assert_pass(found, RULE)


def test_pass_packages_that_do_not_say_what_they_are(tmp_path: Path) -> None:
    for found in both(pair(tmp_path, 1.1, names=("Lab", "Rival"))):
        b.assert_pass(found, RULE)


def test_warn_every_fourth_reading_above(tmp_path: Path) -> None:
    ac, dc = both(pair(tmp_path, 1.02, every=4))
    b.assert_pass(ac, RULE)
    hit = b.assert_found(
        dc, RULE, "warn", where="result_", got="Lab-ac-power/results/sim-1/bert", expected="0.005"
    )
    assert hit.got.startswith("0.25")


def test_warn_real_channels(real_data: Path) -> None:
    found = [
        f for e in api.audit(real_data / "mlperf-training-v4.0").entries for f in b.of(e, RULE)
    ]
    assert [f.got[:21] for f in found] == ["0.0627 of 8740 readin"]
