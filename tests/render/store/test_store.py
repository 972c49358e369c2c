"""A store holds what score and audit say, once for each measurement, whatever the file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import api
from harness.batch.records import encode
from harness.batch.stored import read_stored
from harness.cli import cli
from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.render.store.dictionary import TABLES, dictionary_text
from harness.render.store.files import write_store
from harness.render.store.reader import read_stores
from harness.render.store.rows import Rows, table_rows
from harness.uncertainty.monte_carlo import SEED
from tests.command_line import in_a_process

ROOT = Path(__file__).resolve().parents[3]
RECORDED = ROOT / "submissions" / "joulemark-2026"
TREES = [str(ROOT / "submissions" / tree) for tree in ("joulemark-2026", "lab-2026")]
Query = Callable[[Path, str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    tree = api.read(RECORDED)
    reports = {report.id: report for report in api.audit(tree).entries}
    return table_rows(api.score(tree), reports)


@pytest.fixture
def query() -> Query:
    duckdb = pytest.importorskip("duckdb")

    def rows_of(store: Path, text: str) -> list[tuple[Any, ...]]:
        if store.suffix == ".duckdb":
            with duckdb.connect(str(store), read_only=True) as database:
                return database.execute(text).fetchall()  # type: ignore[no-any-return]
        with duckdb.connect() as database:
            for name in TABLES:
                database.execute(f"create view {name} as from '{store / name}.parquet'")
            return database.execute(text).fetchall()  # type: ignore[no-any-return]

    return rows_of


def test_rows_have_the_columns_of_the_dictionary(rows: Rows) -> None:
    for name, items in rows.items():
        assert items or name == "passed_over"
        for row in items:
            assert row.keys() == {column.name for column in TABLES[name]}, name


@pytest.mark.parametrize("name", ["store.parquet", "store.duckdb"])
def test_a_query_gives_what_the_score_says(
    name: str, rows: Rows, query: Query, tmp_path: Path
) -> None:
    write_store(tmp_path / name, rows)
    found = query(
        tmp_path / name,
        "select benchmark, value, low, high, unit, verdict from entries join estimates using (key) "
        "where quantity = 'energy_per_unit' order by id",
    )
    expected = [
        (
            result.entry.benchmark,
            result.energy_per_unit.value,
            result.energy_per_unit.low,
            result.energy_per_unit.high,
            result.energy_per_unit.unit,
            "valid",
        )
        for result in sorted(api.score(RECORDED), key=lambda result: result.entry.id)
    ]
    assert found == expected


@pytest.mark.parametrize("name", ["store.parquet", "store.duckdb"])
def test_a_measurement_is_collected_once_whatever_path_leads_to_it(
    name: str, query: Query, tmp_path: Path
) -> None:
    store = tmp_path / name
    copy = tmp_path / "elsewhere" / "joulemark-2026"
    shutil.copytree(RECORDED, copy)
    for path in (RECORDED, copy.parent):
        done = CliRunner().invoke(cli, ["collect", str(path), "--out", str(store), "--json", "-q"])
        assert done.exit_code == 0, done.output
        check("written", json.loads(done.stdout))
    count = len(api.read(RECORDED).entries)
    assert query(store, "select count(*), count(distinct key) from entries") == [(count, count)]
    runs = sum(len(entry.runs) for entry in api.read(RECORDED).entries)
    assert query(store, "select count(*) from runs") == [(runs,)]


def test_rounds_are_added(rows: Rows, query: Query, tmp_path: Path) -> None:
    store = tmp_path / "store.parquet"
    write_store(store, rows)
    other = {
        name: [row | {"key": f"other {row['key']}"} for row in items]
        for name, items in rows.items()
    }
    counts = write_store(store, other)
    assert counts == {name: 2 * len(items) for name, items in rows.items()}
    assert query(store, "select count(distinct key) from findings") == [(2 * len(rows["entries"]),)]


def _output(*arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "-q"])
    assert done.exit_code == 0, done.output
    return done.stdout


FORMS = ("json", "csv", "md")


@pytest.fixture(scope="module")
def leaderboards() -> dict[str, str]:
    """The leaderboard of the trees in each form."""
    return {form: _output("leaderboard", *TREES, "--format", form) for form in FORMS}


@pytest.mark.parametrize("name", ["store.parquet", "store.duckdb"])
def test_a_leaderboard_of_a_store_is_that_of_its_trees(
    name: str, leaderboards: dict[str, str], tmp_path: Path
) -> None:
    store = str(tmp_path / name)
    _output("collect", *TREES, "--out", store)
    for form in FORMS:
        assert _output("leaderboard", store, "--format", form) == leaderboards[form], form


@pytest.mark.parametrize("name", ["s.parquet", "s.duckdb"])
def test_the_command_that_reads_a_store_imports_what_it_needs(name: str, tmp_path: Path) -> None:
    """In a process of its own: in this one, other tests have imported it."""
    store = tmp_path / name
    _output("collect", *TREES, "--out", str(store))
    done = in_a_process("leaderboard", store, "--quiet")
    assert done.returncode == 0, done.stderr


def test_rows_of_what_was_passed_over_are_kept_once(tmp_path: Path) -> None:
    store = tmp_path / "store.parquet"
    results, reports = api.score_and_audit(api.read(RECORDED))
    passed_over = {"unreadable": [("a", "torn")], "skipped": [("b", "empty")]}
    for _ in range(2):
        write_store(store, table_rows(results, reports, **passed_over))  # type: ignore[arg-type]
    stored = read_stores([store], 0.95, SEED)
    assert stored.unreadable == (("a", "torn"),)
    assert stored.skipped == (("b", "empty"),)
    assert stored.ids == [result.entry.id for result in results]


def test_a_board_of_a_store_has_no_readings_and_says_so(rows: Rows, tmp_path: Path) -> None:
    write_store(tmp_path / "store.parquet", rows)
    _output("board", str(tmp_path / "store.parquet"), "--out", str(tmp_path / "site"))
    pages = list((tmp_path / "site" / "results").glob("*.html"))
    assert len(pages) == len(rows["entries"])
    for page in pages:
        assert "made from a store, which holds no readings" in page.read_text("utf-8")
    assert not list((tmp_path / "site" / "evidence").glob("*.js"))


def test_another_level_a_grid_and_a_mixture_are_refused(rows: Rows, tmp_path: Path) -> None:
    store = tmp_path / "store.parquet"
    write_store(store, rows)
    for arguments, text in (
        (["--level", "0.9"], "another level or seed"),
        (["--seed", "4"], "another level or seed"),
        (["--zone", "FR"], "emissions need"),
        ([str(RECORDED)], "stores and trees"),
    ):
        done = CliRunner().invoke(cli, ["leaderboard", str(store), *arguments])
        assert text in str(done.exception), arguments


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\xc1",
        b"\x82",
        encode({"result": 1, "report": {}}),
        encode([[]] * 40),
    ],
)
def test_a_forged_record_is_refused_in_one_line(record: bytes, rows: Rows, tmp_path: Path) -> None:
    forged = [row | {"record": record} for row in rows["records"]]
    write_store(tmp_path / "store.parquet", rows | {"records": forged})
    with pytest.raises(UsageError, match="no store of this release"):
        read_stores([tmp_path / "store.parquet"], 0.95, SEED)


def test_a_record_leads_to_no_file(rows: Rows) -> None:
    result, _ = read_stored(rows["records"][0]["record"])
    assert not result.entry.directory.exists()
    assert not any(path.is_dir() for path in list(result.entry.directory.parents)[:-2])


@pytest.mark.parametrize("name", ["store.parquet", "store.duckdb"])
def test_what_is_no_store_is_refused_and_stays(name: str, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"my own notes")
    with pytest.raises(UsageError, match="no store"):
        write_store(path, rows)
    assert path.read_bytes() == b"my own notes"


def test_a_broken_table_is_refused_before_any_is_replaced(rows: Rows, tmp_path: Path) -> None:
    store = tmp_path / "store.parquet"
    write_store(store, rows)
    (store / "systems.parquet").write_bytes(b"PAR1 and nothing")
    before = (store / "entries.parquet").read_bytes()
    with pytest.raises(UsageError, match=r"systems\.parquet"):
        write_store(store, rows | {"entries": rows["entries"][:1]})
    assert (store / "entries.parquet").read_bytes() == before


def test_the_documentation_has_the_dictionary() -> None:
    page = (ROOT / "docs" / "reference" / "store.md").read_text("utf-8")
    assert dictionary_text() in page


def test_a_database_of_others_reads_and_writes_no_other_file(rows: Rows, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    secret, store = tmp_path / "secret.csv", tmp_path / "theirs.duckdb"
    secret.write_text("version\n1\n")
    with duckdb.connect(str(store)) as database:
        database.execute(f"create view joulemark_store as select * from read_csv('{secret}')")
    for use in (lambda: write_store(store, rows), lambda: read_stores([store], 0.95, SEED)):
        with pytest.raises(UsageError, match="is no store of this release") as error:
            use()
        assert "joulemark_store is no table" in str(error.value)


@pytest.mark.parametrize(
    "statement",
    [
        "create view {name} as select * from other",
        "create view {name} as select repeat('x', 1000000000) as key from range(1000000000)",
        "create table {name} as select * replace (1 as key) from other",
        "create table {name} as select * exclude (key) from other",
        "create table {name} (key varchar, seed bigint, level double, record blob generated always "
        "as (repeat('x', 1000000000)::blob) virtual)",
        "create macro {name}() as table from other; create macro duckdb_tables() as table select 1;"
        "create view {name} as from other",
    ],
    ids=["view", "endless view", "type", "columns", "computed column", "macros"],
)
def test_a_database_of_others_computes_nothing(statement: str, rows: Rows, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    store = tmp_path / "theirs.duckdb"
    write_store(store, rows)
    with duckdb.connect(str(store)) as database:
        database.execute("alter table records rename to other")
        database.execute(statement.format(name="records"))
    for use in (lambda: write_store(store, rows), lambda: read_stores([store], 0.95, SEED)):
        with pytest.raises(UsageError, match="records is no table with the columns"):
            use()


@pytest.mark.parametrize("name", ["store", "store.duckdb"])
def test_a_record_repeated_very_often_is_refused_before_it_is_unpacked(
    name: str, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(len(row["record"]) for row in rows["records"])
    assert len(rows["records"]) < 1000, "they are read at once"
    write_store(tmp_path / name, rows)
    read_stores([tmp_path / name], 0.95, SEED)
    monkeypatch.setattr("harness.render.store.files.MAX_BYTES_AT_ONCE", size)
    with pytest.raises(UsageError, match="bytes"):
        read_stores([tmp_path / name], 0.95, SEED)


def test_a_table_of_very_many_rows_is_refused_before_it_is_unpacked(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_store(tmp_path / "store", rows)
    monkeypatch.setattr("harness.render.store.files.MAX_ROWS", len(rows["records"]) - 1)
    with pytest.raises(UsageError, match="rows, where at most"):
        read_stores([tmp_path / "store"], 0.95, SEED)


def test_a_board_does_not_replace_the_tree_that_it_is_made_of(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(RECORDED, tree / "results")
    (tree / "joulemark-site.json").write_text("{}")  # a submitter's, so that the folder is emptied
    done = CliRunner().invoke(cli, ["board", str(tree / "results"), "--out", str(tree)])
    assert isinstance(done.exception, UsageError)
    assert any((tree / "results").iterdir())
