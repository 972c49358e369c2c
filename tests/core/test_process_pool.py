"""Several processes give what one gives: order, faults, and a process that dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.process_pool import share, spread
from tests.auditing.rules import builders as b
from tests.core.pool_functions import die_of_seven, double, minus, process, refuse_seven


def test_results_are_in_the_order_of_the_items() -> None:
    assert list(spread(double, range(50), 3, lost=minus)) == [2 * number for number in range(50)]
    assert list(spread(double, range(50), lost=minus)) == [2 * number for number in range(50)]
    assert list(spread(double, (), 2, lost=minus)) == []


def test_an_item_goes_to_the_process_that_did_one_before() -> None:
    first = share(process, range(20), 3, lost=minus)
    pids = dict(first)
    assert os.getpid() not in pids.values()
    again = share(process, range(20), 3, lost=minus, homes=[home for home, _ in reversed(first)])
    assert again == [(home, pids[home]) for home, _ in reversed(first)]


def test_a_process_that_is_killed_takes_one_item_with_it() -> None:
    assert list(spread(die_of_seven, range(20), 2, lost=minus)) == [*range(7), -7, *range(8, 20)]


def test_an_error_is_raised_and_the_next_call_gets_its_own_answers() -> None:
    for _ in range(3):
        with pytest.raises(UsageError, match="not seven; got 7"):
            list(spread(refuse_seven, range(20), 2, lost=minus))
        assert list(spread(double, range(9), 2, lost=minus)) == [2 * number for number in range(9)]


def test_a_script_without_a_guard_gets_one_line(tmp_path: Path) -> None:
    b.training(tmp_path / "tree", runs=2)
    script = tmp_path / "script.py"
    script.write_text(
        "import harness\nfrom harness.core.errors import JoulemarkError\n"
        "try:\n    harness.audit('tree', jobs=2)\n"
        "except JoulemarkError as error:\n    print('told:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith(
        "told: no further process starts. Use one job; or, in a script of your own"
    )
