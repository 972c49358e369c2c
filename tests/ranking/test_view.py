"""Rows that are chosen and ordered after ranking."""

import pytest

from harness import api
from harness.core.errors import UsageError
from harness.core.resources import resource
from harness.ranking.leaderboard import Table
from harness.ranking.view import view


@pytest.fixture(scope="module")
def tables() -> tuple[Table, ...]:
    return api.rank(resource("submissions") / "lab-2026")


def systems(tables: tuple[Table, ...]) -> list[list[str]]:
    return [[row.result.entry.system for row in table.rows] for table in tables]


def test_without_wishes_everything_stays(tables: tuple[Table, ...]) -> None:
    assert view(tables) == tables


def test_conditions_choose_rows_and_drop_empty_tables(tables: tuple[Table, ...]) -> None:
    resnet = [["dogwood-9", "alder-2", "birch-x", "cedar-1"]]
    assert systems(view(tables, where=["benchmark=ResNet50"])) == resnet
    assert systems(view(tables, where=["system=*r-2", "scenario=off*"])) == [["alder-2"]]
    assert systems(view(tables, where=["benchmark=resnet50", "verdict!=valid"])) == [["dogwood-9"]]
    assert view(tables, where=["system=none"]) == ()


def test_ranks_stay_those_of_the_whole_table(tables: tuple[Table, ...]) -> None:
    ((row,),) = (table.rows for table in view(tables, where=["system=cedar-1"]))
    assert row.rank is not None
    assert (row.rank.low, row.rank.high) == (4, 4)


def test_rows_are_sorted_either_way_and_cut(tables: tuple[Table, ...]) -> None:
    resnet = ["benchmark=resnet50"]
    up = systems(view(tables, where=resnet, sort="energy"))[0]
    assert up == ["dogwood-9", "alder-2", "birch-x", "cedar-1"]
    assert systems(view(tables, where=resnet, sort="-energy"))[0] == up[::-1]
    assert systems(view(tables, where=resnet, sort="-system", top=2))[0] == ["dogwood-9", "cedar-1"]


def test_rows_without_a_value_come_last_either_way(tables: tuple[Table, ...]) -> None:
    (bert,) = view(tables, where=["benchmark=bert"])
    unranked = [row.result.entry.system for row in bert.rows if row.rank is None]
    assert unranked == ["elm-pod"]
    for sort in ("rank", "-rank"):
        assert systems(view(tables, where=["benchmark=bert"], sort=sort))[0][-1] == "elm-pod"


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"where": ["sumbitter=Dell"]}, "submitter"),
        ({"where": ["Dell"]}, "FIELD=VALUE"),
        ({"sort": "enery"}, "energy"),
    ],
)
def test_fail_unknown_field_or_column_with_a_suggestion(wishes: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        view((), **wishes)
