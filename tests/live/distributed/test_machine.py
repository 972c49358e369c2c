"""Which ranks share a machine: boot id, hardware id, and a counter of the kernel."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.live.distributed import machine
from harness.live.distributed.machine import (
    doubtful_groups,
    group_by_marks,
    joined,
    machine_marks,
    share_a_counter,
    surely_differ,
    with_containers,
)
from tests.live.distributed.machines import machine_root

CONTAINER = {"boot": "b", "hardware": "h", "booted_s": 1000}


def numbers(marks: list[dict]) -> list[int]:
    return [item.number for item in group_by_marks(marks)]


def test_equal_boot_ids_are_one_machine() -> None:
    assert numbers([{"boot": "a"}, {"boot": "b"}, {"boot": "a"}]) == [0, 1, 0]


def test_containers_with_boot_ids_of_their_own_are_one_machine_by_its_hardware_id() -> None:
    marks = [{"boot": "a", "dmi": "x"}, {"boot": "b", "dmi": "x"}, {"boot": "c", "dmi": "y"}]
    assert numbers(marks) == [0, 0, 1]
    assert group_by_marks(marks)[0].shown_by == "hardware id"


def test_a_rank_that_may_not_read_the_hardware_id_is_with_those_of_its_boot_id() -> None:
    assert numbers([{"boot": "a"}, {"boot": "a", "dmi": "x"}, {"boot": "b", "dmi": "x"}]) == [0] * 3


def test_clones_of_a_virtual_machine_share_a_boot_id_and_are_two() -> None:
    assert numbers([{"boot": "a", "dmi": "x"}, {"boot": "a", "dmi": "y"}]) == [0, 1]


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ([10, 30, 50], [20, 40, 60], True),
        ([10, 30, 50], [10, 30, 50], True),
        ([10, 30, 50], [2000, 2010, 2020], False),
        ([10, 30, 50], [5, 35, 55], False),
        ([0, 0, 0], [0, 0, 0], False),
        ([7, 7, 7], [7, 7, 7], False),
    ],
    ids=["in-turn", "equal", "ahead", "behind", "no-counter", "stands-still"],
)
def test_one_counter_rises_from_question_to_question(
    first: list[int], second: list[int], shared: bool
) -> None:
    assert share_a_counter(first, second) is shared


def test_only_machines_that_booted_together_on_equal_hardware_are_asked() -> None:
    marks = [
        CONTAINER,
        CONTAINER | {"boot": "c", "booted_s": 1002},
        CONTAINER | {"boot": "d", "booted_s": 1005},
        CONTAINER | {"boot": "e", "hardware": "other"},
        {"boot": "f"},
    ]
    assert doubtful_groups(marks, group_by_marks(marks)) == [[0, 1]]
    assert surely_differ({"dmi": "x"}, {"dmi": "y"})
    assert not surely_differ({"dmi": "x"}, {})


def test_machines_that_turn_out_to_be_one_are_renumbered() -> None:
    machines = group_by_marks([{"boot": name} for name in "abcdb"])
    found = joined(machines, [(1, 2), (2, 3)])
    assert [item.number for item in found] == [0, 1, 1, 1, 1]
    assert [item.shown_by for item in found] == ["boot id", *["a counter of the kernel"] * 4]


def test_the_record_says_that_ranks_of_a_machine_run_in_several_containers() -> None:
    marks = [{"boot": "a", "cgroup": "x"}, {"boot": "a", "cgroup": "y"}, {"boot": "b"}]
    found = with_containers(group_by_marks(marks), marks)
    assert [item.shown_by for item in found] == [*["boot id, in 2 containers"] * 2, "boot id"]
    alike = [{"boot": "a", "cgroup": "x"}] * 2
    assert with_containers(group_by_marks(alike), alike) == group_by_marks(alike)


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """The marks of a machine whose files are stated."""
    count = itertools.count()

    def marks(**files: str) -> dict:
        number = next(count)
        monkeypatch.setattr(machine, "ROOT", machine_root(tmp_path, number, **files))
        return machine_marks()

    return marks


def test_marks_are_hashes_and_an_unset_hardware_id_is_none(on: Callable[..., dict]) -> None:
    name = "sys__class__dmi__id__product_uuid"
    assert "dmi" not in on(**{name: "00000000-0000-0000-0000-000000000000"})
    assert "dmi" not in on(**{name: "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"})
    marks = on(**{name: "4C4C4544-0046"})
    assert len(marks["dmi"]) == 32
    assert "4C4C4544" not in str(marks).upper()
    assert marks["booted_s"] == 1_700_000_000 + 2000


def test_the_kernel_of_this_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ROOT", Path("/"))
    first, second = [], []
    for _ in range(3):
        first.append(machine.kernel_counter())
        second.append(machine.kernel_counter())
    assert share_a_counter(first, second) or first == second  # nothing switched meanwhile
