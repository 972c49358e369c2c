"""Write the tables of a store, and add to one that exists.

A name that ends in `.duckdb` is a DuckDB database; any other is a folder with one Parquet file a
table. Collecting a measurement again replaces its rows, so a store has each once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import MissingExtraError, UsageError, shorten
from harness.core.files import refuse_special, replacing
from harness.render.store.dictionary import TABLES, VERSION
from harness.render.store.rows import Rows

if TYPE_CHECKING:
    import pyarrow

MARK = b"joulemark-store"
"""Key of the version in the metadata of a Parquet file."""


def write_store(out: Path, rows: Rows) -> dict[str, int]:
    """Write rows to a new store, or add them to one that is there.

    Args:
        out: Folder of Parquet files, or a file that ends in `.duckdb`.
        rows: The rows of each table.

    Returns:
        How many rows each table then has.

    Raises:
        MissingExtraError: pyarrow or duckdb is not installed.
        UsageError: What is there is no store, or one of another version.
    """
    arrow = _import("pyarrow", "parquet")
    tables = {
        name: arrow.Table.from_pylist(items, schema=_schema(arrow, name))
        for name, items in rows.items()
    }
    if out.suffix.lower() == ".duckdb":
        return _write_duckdb(out, tables)
    return _write_parquet(arrow, out, tables)


def _schema(arrow: Any, name: str) -> pyarrow.Schema:
    types = {
        "text": arrow.string(),
        "number": arrow.float64(),
        "integer": arrow.int64(),
        "truth": arrow.bool_(),
        "time": arrow.timestamp("us", tz="UTC"),
    }
    fields = [arrow.field(column.name, types[column.type]) for column in TABLES[name]]
    return arrow.schema(fields, metadata={MARK: VERSION.encode()})


def _write_parquet(arrow: Any, out: Path, tables: dict[str, Any]) -> dict[str, int]:
    import pyarrow.parquet as parquet

    if out.exists() and not out.is_dir():
        raise _not_a_store(out, "a file")
    out.mkdir(parents=True, exist_ok=True)
    keys = tables["entries"].column("key")
    merged = {}
    for name, table in tables.items():
        path = out / f"{name}.parquet"
        if path.exists():
            old = _read_parquet(arrow, parquet, path, table.schema)
            others = arrow.compute.invert(arrow.compute.is_in(old.column("key"), keys))
            table = arrow.concat_tables([old.filter(others), table])
        merged[name] = table
    for name, table in merged.items():  # nothing is written before all could be read
        with replacing(out / f"{name}.parquet") as file:
            parquet.write_table(table, file, compression="zstd")
    return {name: table.num_rows for name, table in merged.items()}


def _read_parquet(arrow: Any, parquet: Any, path: Path, schema: pyarrow.Schema) -> pyarrow.Table:
    refuse_special(path)
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise _not_a_store(path, shorten(str(error))) from None
    if (table.schema.metadata or {}).get(MARK) != VERSION.encode() or table.schema != schema:
        raise _not_a_store(path, "other columns, or another version")
    return table


def _write_duckdb(out: Path, tables: dict[str, Any]) -> dict[str, int]:
    duckdb = _import("duckdb", "store")
    refuse_special(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    counts = {}
    try:
        with duckdb.connect(str(out)) as database:
            _check_version(database, out)
            database.begin()
            for name, table in tables.items():
                database.register(f"new_{name}", table)
            for name in tables:  # names of our own
                database.execute(f"create table if not exists {name} as from new_{name} limit 0")
                database.execute(f"delete from {name} where key in (select key from new_entries)")
                database.execute(f"insert into {name} by name from new_{name}")
                (counts[name],) = database.execute(f"select count(*) from {name}").fetchone()
            database.commit()
    except duckdb.Error as error:
        raise _not_a_store(out, shorten(str(error))) from None
    return counts


def _check_version(database: Any, out: Path) -> None:
    database.execute("create table if not exists joulemark_store (version varchar)")
    versions = [row[0] for row in database.execute("from joulemark_store").fetchall()]
    if not versions:
        database.execute("insert into joulemark_store values (?)", [VERSION])
    elif versions != [VERSION]:
        raise _not_a_store(out, f"version {', '.join(map(str, versions))}")


def _not_a_store(path: Path, got: str) -> UsageError:
    return UsageError(
        "is no store that could be added to",
        where=str(path),
        got=got,
        expected=f"nothing, or a store of version {VERSION}",
        fix="Choose another name with --out.",
    )


def _import(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"a store needs {module}", fix=f"pip install 'joulemark[{extra}]'"
        ) from None
