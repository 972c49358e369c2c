"""rank-windows: the window of a run on several machines covers the work of all ranks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.formats.base import Entry
from harness.live.merge_ranks import merge
from tests.auditing.rules import builders as b
from tests.live.distributed.true_energy import Machine, write_ranks

RULE = "rank-windows"
MARKED = Machine(50, 300, (0, 14), marks=(2, 13.5))


@pytest.fixture
def merged(tmp_path: Path, entry_of: Callable[..., Entry]) -> Callable[..., Path]:
    """The run directory of some machines, merged."""

    def make(*machines: Machine) -> Path:
        folder = write_ranks(tmp_path / "work" / "run-1", entry_of(round=b.OWN), machines)
        merge(folder)
        return folder

    return make


def edit(folder: Path, change: Callable[[dict], object]) -> None:
    """Change the record of a run."""
    path = folder / "run.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_pass_one_rank_works_longer(merged: Callable[..., Path]) -> None:
    folder = merged(Machine(50, 300, (0, 12)), Machine(50, 300, (0, 19), ahead_s=5.0))
    b.assert_pass(b.report(folder), RULE)


def test_pass_a_helper_within_a_second_of_the_rank_with_marks(merged: Callable[..., Path]) -> None:
    b.assert_pass(b.report(merged(MARKED, Machine(60, 310, (0, 14.9)))), RULE)


def test_fail_a_helper_works_on_after_the_rank_with_marks(merged: Callable[..., Path]) -> None:
    found = b.report(merged(MARKED, Machine(60, 310, (0, 15.5))))
    b.assert_found(found, RULE, "fail", where="run-1", got="rank 1 worked 1.5 ", expected="at most")
    assert found.verdict == "invalid"


def test_fail_a_window_shorter_than_that_of_its_ranks(merged: Callable[..., Path]) -> None:
    folder = merged(Machine(50, 300, (0, 12)), Machine(50, 300, (0, 19)))

    def shorten(document: dict) -> None:
        document["window"]["stop"] = document["window"]["stop"].replace(":39.", ":32.")

    edit(folder, shorten)
    found = b.report(folder)
    b.assert_found(found, RULE, "fail", where="run-1", got="stop of the window -7", expected="last")


def test_fail_a_rank_whose_window_is_not_that_of_its_own_record(
    merged: Callable[..., Path],
) -> None:
    folder = merged(Machine(50, 300, (0, 12)), Machine(50, 300, (0, 19)))

    def shorten(document: dict) -> None:
        document["window"]["stop"] = document["window"]["stop"].replace(":39.", ":32.")
        for name in ("window", "life"):
            document["facts"]["ranks"][1][name]["stop_ns"] -= 7 * b.NS

    edit(folder, shorten)
    found = b.report(folder)
    b.assert_found(
        found, RULE, "fail", where="run-1", got="another window of rank 1", expected="ranks/1"
    )


@pytest.mark.parametrize("ranks", [[], [3], [{}], [{"window": 3}], [{"window": {}}, None], "x"])
def test_pass_records_that_state_no_windows(merged: Callable[..., Path], ranks: object) -> None:
    folder = merged(Machine(50, 300, (0, 12)), Machine(50, 300, (0, 12)))
    edit(folder, lambda document: document["facts"].update(ranks=ranks))
    b.assert_pass(b.report(folder), RULE)
