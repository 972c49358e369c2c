"""Write the tables of a store, and add to one that exists.

A name that ends in `.duckdb` is a DuckDB database; any other is a folder with one Parquet file a
table. Collecting a measurement again replaces its rows, so a store has each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import MissingExtraError, UsageError, shorten
from harness.core.files import refuse_special, replacing
from harness.render.store.dictionary import KEY, TABLES, VERSION
from harness.render.store.rows import Rows

if TYPE_CHECKING:
    import pyarrow

MAX_ROWS = 2**22
"""Rows of a table, compressed they may take next to nothing."""
DUCKDB_SETTINGS = {"enable_external_access": "false", "lock_configuration": "true"}
"""A database may come from anyone: its views and macros read and write no other file."""
MARK = b"joulemark-store"
"""Key of the version in the metadata of a Parquet file."""


def write_store(out: Path, rows: Rows) -> dict[str, int]:
    """Write rows to a new store, or add them to one that is there; see `write_parts`."""
    return write_parts(out, [rows])


def write_parts(out: Path, parts: Iterable[Rows]) -> dict[str, int]:
    """Write rows to a new store, or add them to one that is there.

    Args:
        out: Folder of Parquet files, or a file that ends in `.duckdb`.
        parts: Rows of each table, some entries at a time; as columns they take little memory.

    Returns:
        How many rows each table then has.

    Raises:
        MissingExtraError: pyarrow or duckdb is not installed.
        UsageError: What is there is no store, or one of another version.
    """
    arrow = _import("pyarrow", "parquet")
    columns: dict[str, list[Any]] = {name: [] for name in TABLES}
    for rows in parts:
        for name, items in rows.items():
            columns[name].append(arrow.Table.from_pylist(items, schema=_schema(arrow, name)))
    tables = {name: arrow.concat_tables(items) for name, items in columns.items()}
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
        "bytes": arrow.binary(),
    }
    fields = [arrow.field(column.name, types[column.type]) for column in TABLES[name]]
    return arrow.schema(fields, metadata={MARK: VERSION.encode()})


def _write_parquet(arrow: Any, out: Path, tables: dict[str, Any]) -> dict[str, int]:
    import pyarrow.parquet as parquet

    if out.exists() and not out.is_dir():
        raise _not_a_store(out, "a file")
    out.mkdir(parents=True, exist_ok=True)
    merged = {}
    for name, table in tables.items():
        path = out / f"{name}.parquet"
        keys = _replaced_keys(tables, name)
        if path.exists():
            old = _read_parquet(arrow, parquet, path, table.schema)
            others = arrow.compute.invert(arrow.compute.is_in(old.column("key"), keys))
            table = arrow.concat_tables([old.filter(others), table])
        merged[name] = table
    for name, table in merged.items():  # nothing is written before all could be read
        with replacing(out / f"{name}.parquet") as file:
            parquet.write_table(table, file, compression="zstd")
    return {name: table.num_rows for name, table in merged.items()}


def _replaced_keys(tables: dict[str, Any], name: str) -> Any:
    """Return the keys whose rows a table loses to the new ones."""
    of_entries = KEY in TABLES[name]
    return tables["entries" if of_entries else name].column("key")


def _read_parquet(arrow: Any, parquet: Any, path: Path, schema: pyarrow.Schema) -> pyarrow.Table:
    refuse_special(path)
    try:
        rows = parquet.read_metadata(path).num_rows
        if rows > MAX_ROWS:
            raise _not_a_store(path, f"{rows} rows, where at most {MAX_ROWS} are read")
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
        with duckdb.connect(str(out), config=DUCKDB_SETTINGS) as database:
            database.execute("create table if not exists joulemark_store (version varchar)")
            if not database.execute("from joulemark_store").fetchall():
                database.execute("insert into joulemark_store values (?)", [VERSION])
            _check_version(database, out)
            database.begin()
            for name, table in tables.items():
                database.register(f"new_{name}", table)
            for name in tables:  # names of our own
                database.execute(f"create table if not exists {name} as from new_{name} limit 0")
                keys = "new_entries" if KEY in TABLES[name] else f"new_{name}"
                database.execute(f"delete from {name} where key in (select key from {keys})")
                database.execute(f"insert into {name} by name from new_{name}")
                (counts[name],) = database.execute(f"select count(*) from {name}").fetchone()
            database.commit()
    except duckdb.Error as error:
        raise _not_a_store(out, shorten(str(error))) from None
    return counts


def _check_version(database: Any, out: Path) -> None:
    versions = [row[0] for row in database.execute("from joulemark_store").fetchall()]
    if versions != [VERSION]:
        raise _not_a_store(out, f"version {', '.join(map(str, versions))}")


def _parquet_rows(store: Path, name: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as parquet

    arrow = _import("pyarrow", "parquet")
    path = store / f"{name}.parquet"
    return _read_parquet(arrow, parquet, path, _schema(arrow, name)).to_pylist()  # type: ignore[no-any-return]


def _duckdb_rows(store: Path, name: str) -> list[dict[str, Any]]:
    duckdb = _import("duckdb", "store")
    refuse_special(store)
    columns = [column.name for column in TABLES[name]]
    try:
        with duckdb.connect(str(store), read_only=True, config=DUCKDB_SETTINGS) as database:
            _check_version(database, store)
            rows = database.execute(f"select {', '.join(columns)} from {name}").fetchall()
    except duckdb.Error as error:
        raise _not_a_store(store, shorten(str(error))) from None
    return [dict(zip(columns, row, strict=True)) for row in rows]


def read_rows(store: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of one table of a store, in the order in which they were added.

    Raises:
        MissingExtraError: pyarrow or duckdb is not installed.
        UsageError: It is no store, or one of another version.
    """
    if store.suffix.lower() == ".duckdb":
        return _duckdb_rows(store, name)
    return _parquet_rows(store, name)


def is_store(path: Path) -> bool:
    """Return whether a path looks like a store: by its name, or by the file of its entries."""
    if path.suffix.lower() == ".duckdb":
        return path.is_file()
    return (path / "entries.parquet").is_file()


def are_stores(paths: Sequence[Path]) -> bool:
    """Return whether some paths are stores.

    Raises:
        UsageError: Some are, and others are not.
    """
    stores = [path for path in paths if is_store(path)]
    if stores and len(stores) < len(paths):
        raise UsageError(
            "stores and trees cannot be ranked together",
            got=", ".join(map(str, paths)),
            expected="stores only, or trees only",
            fix=f"Add the trees to the store: joulemark collect TREE --out {stores[0]}",
        )
    return bool(stores)


def _not_a_store(path: Path, got: str) -> UsageError:
    return UsageError(
        "is no store of this release",
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
