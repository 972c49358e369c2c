"""Designs: found by name, and refused where they contradict their workloads."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import SchemaError, UsageError
from harness.experiments.design import find_design
from harness.experiments.recording import parts
from tests.experiments import tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("design")
    tiny.make(folder)
    return folder


def test_another_target_than_that_of_the_workloads_is_refused(root: Path) -> None:
    quality = {"metric": "bits_per_byte", "target": 7.5, "better": "lower"}
    path = tiny.write_design(root, quality=quality)
    with pytest.raises(
        UsageError, match="the target is not that of the workload tiny-dense"
    ) as error:
        find_design(str(path))
    assert error.value.got == "bits_per_byte 7.5, lower is better"
    assert error.value.expected == "bits_per_byte 6.9, lower is better"


def test_a_frontier_of_no_side_is_refused(root: Path) -> None:
    frontier = [{"side": "wide", "label": "x", "settings": {}}]
    with pytest.raises(UsageError, match="names no side") as error:
        find_design(str(tiny.write_design(root, frontier=frontier)))
    assert error.value.expected == "dense, sparse"


def test_a_name_of_two_sides_is_refused(root: Path) -> None:
    """Also of a side and of one of the control, in whose ratios nobody could tell them apart."""
    control = [
        {"name": name, "label": name, "workload": "./tiny-dense"} for name in ("sparse", "other")
    ]
    with pytest.raises(UsageError, match="two sides share a name") as error:
        find_design(str(tiny.write_design(root, control=control)))
    assert error.value.got == "sparse"


def test_two_seeds_are_too_few(root: Path) -> None:
    with pytest.raises(SchemaError):
        find_design(str(tiny.write_design(root, seeds=[1, 2])))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no such experiment") as error:
        find_design("dense-against-spares")
    assert "dense-against-sparse" in str(error.value)


def test_bundled_design_has_five_seeds_a_side_and_one_target() -> None:
    design = find_design("dense-against-sparse")
    assert len(design.seeds) >= 5
    assert [side.name for side in design.sides] == ["dense", "sparse", "routed"]
    targets = {side.workload.spec["quality"]["target"] for side in design.sides}
    arguments = [side.workload.spec["runner"]["arguments"] for side in design.sides]
    assert targets == {design.document["quality"]["target"]}
    assert {item["target"] for item in arguments} == targets
    assert {item["evaluated"] for item in arguments} == {16_384}
    hashes = {tuple(sorted(side.workload.spec["data"].items())) for side in design.sides}
    assert len(hashes) == 1, "one corpus"
    assert (design.path.parent / design.document["tuning"]["table"]).is_file()


@pytest.mark.parametrize(
    "given",
    [
        {
            "sides": [
                {"name": name, "label": name, "workload": "./tiny-dense"}
                for name in ("narrow", "wide")
            ],
            "frontier": [],
        },
        {
            "frontier": [
                {"side": "dense", "label": label, "settings": {}}
                for label in ("width 4", "width-4")
            ]
        },
    ],
    ids=["two sides of one workload", "two labels of one folder"],
)
def test_configurations_whose_runs_would_share_a_folder_are_refused(
    root: Path, given: dict[str, list[dict[str, object]]]
) -> None:
    design = find_design(str(tiny.write_design(root, **given)))
    with pytest.raises(UsageError, match="would share a folder") as error:
        parts(design, Path("out"))
    assert error.value.got in ("narrow, wide", "width 4, width-4")


def test_each_part_has_a_folder_of_its_own(root: Path) -> None:
    design = find_design(str(tiny.write_design(root)))
    folders = [
        part.entry_folder.relative_to("out").as_posix() for part in parts(design, Path("out"))
    ]
    assert folders == [
        "main/tiny-dense/time-to-train",
        "main/tiny-sparse/time-to-train",
        "frontier/dense-width-4/tiny-dense/time-to-train",
    ]
