"""Write the tables of a store, and add to one that exists.

A name that ends in `.duckdb` is a DuckDB database; any other is a folder with one Parquet file a
table. Collecting a measurement again replaces its rows, so a store has each once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from harness.core.errors import MissingExtraError, UsageError, shorten
from harness.core.files import refuse_special, replacing
from harness.render.store.dictionary import KEY, TABLES, VERSION
from harness.render.store.rows import Rows

if TYPE_CHECKING:
    import pyarrow

    Tables = dict[str, pyarrow.Table]

MAX_ROWS = 2**22
"""Rows of a table, compressed they may take next to nothing."""
DUCKDB_SETTINGS = {"enable_external_access": "false", "lock_configuration": "true"}
"""A database may come from anyone: nothing in it reads or writes another file."""
DUCKDB_TYPES = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "integer": "BIGINT",
    "truth": "BOOLEAN",
    "time": "TIMESTAMP WITH TIME ZONE",
    "bytes": "BLOB",
}
VERSION_TABLE = "joulemark_store"
"""Table of a database that states the version."""
ROWS_AT_ONCE = 1000
"""Rows that are read at once: a row may hold a whole result."""
MAX_BYTES_AT_ONCE = 2**30
"""Texts and records of so many rows, unpacked; a file that repeats one of them is small."""
MARK = b"joulemark-store"
"""Key of the version in the metadata of a Parquet file."""


def write_store(out: Path, rows: Rows) -> dict[str, int]:
    """Write rows to a new store, or add them to one that is there; see `write_parts`."""
    return write_parts(out, [rows])


def write_parts(out: Path, parts: Iterable[Rows]) -> dict[str, int]:
    """Write rows to a new store, or add them to one that is there.

    Args:
        out: Folder of Parquet files, or a file that ends in `.duckdb`.
        parts: Rows of each table, some entries at a time; each part is written before the next.

    Returns:
        How many rows each table then has.

    Raises:
        MissingExtraError: pyarrow or duckdb is not installed.
        UsageError: What is there is no store, or one of another version.
    """
    arrow = _pyarrow()
    tables = (
        {
            name: arrow.Table.from_pylist(items, schema=_schema(arrow, name))
            for name, items in rows.items()
        }
        for rows in parts
    )
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


def _write_parquet(arrow: Any, out: Path, parts: Iterable[Tables]) -> dict[str, int]:
    """Write the tables beside those that are there, and replace these when all are whole."""
    if out.exists() and not out.is_dir():
        raise _not_a_store(out, "a file")
    for name in TABLES:  # what cannot be added to is refused before the work begins
        if (out / f"{name}.parquet").exists():
            _open_parquet(arrow, out / f"{name}.parquet", _schema(arrow, name))
    out.mkdir(parents=True, exist_ok=True)
    counts = {}
    with TemporaryDirectory(prefix=".", dir=out) as name_of_folder:
        folder = Path(name_of_folder)
        keys = _write_new(arrow, folder, parts)
        with contextlib.ExitStack() as merged:  # no file is replaced before all are written
            for name in TABLES:
                file = merged.enter_context(replacing(out / f"{name}.parquet"))
                replaced = keys["entries" if KEY in TABLES[name] else name]
                old, new = out / f"{name}.parquet", folder / f"{name}.parquet"
                counts[name] = _merge(arrow, file, _schema(arrow, name), old, new, replaced)
    return counts


def _write_new(arrow: Any, folder: Path, parts: Iterable[Tables]) -> dict[str, Any]:
    """Write parts to a file for each table; return the keys of the tables that have some."""
    import pyarrow.parquet as parquet

    key_tables = {"entries", *(name for name in TABLES if KEY not in TABLES[name])}
    keys: dict[str, list[Any]] = {name: [] for name in key_tables}
    with contextlib.ExitStack() as stack:
        writers = {}
        for name in TABLES:
            path, schema = folder / f"{name}.parquet", _schema(arrow, name)
            writer = parquet.ParquetWriter(path, schema, compression="zstd")
            writers[name] = stack.enter_context(writer)
        for tables in parts:
            for name, table in tables.items():
                if table.num_rows:
                    writers[name].write_table(table)
                if name in keys:
                    keys[name].append(table.column("key").combine_chunks())
    return {name: arrow.chunked_array(items, arrow.string()) for name, items in keys.items()}


def _merge(
    arrow: Any, file: BinaryIO, schema: pyarrow.Schema, old: Path, new: Path, replaced: Any
) -> int:
    """Write the rows of an old table whose keys are not replaced, and then all of a new one.

    Returns:
        How many rows were written.
    """
    import pyarrow.parquet as parquet

    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for path in (old, new):
            if path.exists():
                for table in _parts_of(arrow, path, schema):
                    if path == old:
                        others = arrow.compute.is_in(table.column("key"), replaced)
                        table = table.filter(arrow.compute.invert(others))
                    if table.num_rows:
                        writer.write_table(table)
                        count += table.num_rows
    return count


def _open_parquet(arrow: Any, path: Path, schema: pyarrow.Schema) -> Any:
    """Open a table of a store.

    Raises:
        UsageError: It is none of this release.
    """
    import pyarrow.parquet as parquet

    refuse_special(path)
    try:
        file = parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        raise _not_a_store(path, shorten(str(error))) from None
    rows = file.metadata.num_rows
    if rows > MAX_ROWS:
        raise _not_a_store(path, f"{rows} rows, where at most {MAX_ROWS} are read")
    columns = file.schema_arrow
    if (columns.metadata or {}).get(MARK) != VERSION.encode() or columns != schema:
        raise _not_a_store(path, "other columns, or another version")
    return file


def _parts_of(
    arrow: Any,
    path: Path,
    schema: pyarrow.Schema,
    columns: Sequence[str] | None = None,
    groups: Sequence[int] | None = None,
) -> Iterator[pyarrow.Table]:
    """Yield a table of a store, some rows at a time.

    Args:
        arrow: The package.
        path: The file.
        schema: The columns it must have.
        columns: The columns that are wanted; None for all.
        groups: The row groups that are wanted; None for all.
    """
    import pyarrow.parquet as parquet

    _open_parquet(arrow, path, schema).close()
    wanted = schema if columns is None else arrow.schema([schema.field(name) for name in columns])
    texts = [item.name for item in wanted if item.type in (arrow.string(), arrow.binary())]
    try:
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, groups, columns):
                size = sum(_unpacked_bytes(arrow, batch.column(name)) for name in texts)
                if size > MAX_BYTES_AT_ONCE:
                    raise _not_a_store(path, f"{batch.num_rows} rows of {size} bytes")
                yield arrow.Table.from_batches([batch]).select(wanted.names).cast(wanted)
    except (arrow.ArrowException, OSError) as error:
        raise _not_a_store(path, shorten(str(error))) from None


def _unpacked_bytes(arrow: Any, column: Any) -> int:
    """Return the bytes of texts whose repetitions are stored once."""
    lengths = arrow.compute.binary_length(column.dictionary)
    return arrow.compute.sum(lengths.take(column.indices)).as_py() or 0


def _write_duckdb(out: Path, parts: Iterable[Tables]) -> dict[str, int]:
    duckdb = _import("duckdb", "store")
    refuse_special(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with duckdb.connect(str(out), config=DUCKDB_SETTINGS) as database:
            database.execute("create table if not exists joulemark_store (version varchar)")
            _check_plain(database, out, VERSION_TABLE, [("version", "VARCHAR", None)])
            if not database.execute("from joulemark_store").fetchall():
                database.execute("insert into joulemark_store values (?)", [VERSION])
            _check_version(database, out)
            for name in TABLES:
                _check_columns(database, out, name, may_be_absent=True)
            database.begin()
            counts = _insert(database, parts)
            database.commit()
    except duckdb.Error as error:
        raise _not_a_store(out, shorten(str(error))) from None
    return counts


def _insert(database: Any, parts: Iterable[Tables]) -> dict[str, int]:
    """Replace the rows of new keys; return how many rows each table then has."""
    old_rows: dict[str, int] = {}
    for tables in parts:
        for name, table in tables.items():  # names of our own
            database.register(f"new_{name}", table)
            database.execute(f"create table if not exists {name} as from new_{name} limit 0")
            database.execute(
                f"create temp table if not exists keys_{name} as select key from new_{name} limit 0"
            )
            if name not in old_rows:
                (last,) = database.execute(f"select max(rowid) from {name}").fetchone()
                old_rows[name] = -1 if last is None else last
            database.execute(f"insert into {name} by name from new_{name}")
            database.execute(f"insert into keys_{name} select key from new_{name}")
            database.unregister(f"new_{name}")
    counts = {}
    for name, last in old_rows.items():
        keys = "keys_entries" if KEY in TABLES[name] else f"keys_{name}"
        database.execute(
            f"delete from {name} where rowid <= ? and key in (select key from {keys})", [last]
        )
        (counts[name],) = database.execute(f"select count(*) from {name}").fetchone()
    for name in old_rows:
        database.execute(f"drop table keys_{name}")
    return counts


def _check_columns(database: Any, out: Path, name: str, *, may_be_absent: bool = False) -> None:
    """Raise UsageError unless a table has the columns of the dictionary, and holds their values."""
    columns = [(column.name, DUCKDB_TYPES[column.type], None) for column in TABLES[name]]
    _check_plain(database, out, name, columns, may_be_absent=may_be_absent)


def _check_plain(
    database: Any,
    out: Path,
    name: str,
    columns: Sequence[tuple[str, str, None]],
    *,
    may_be_absent: bool = False,
) -> None:
    """Raise UsageError for a view, a column that is computed, and columns of other types.

    The functions of the system are named in full: a database may bring its own of the same name.
    """
    kinds = database.execute(
        "select 'table' from system.main.duckdb_tables() where table_name = $1 "
        "union all select 'view' from system.main.duckdb_views() where view_name = $1",
        [name],
    ).fetchall()
    if not kinds and may_be_absent:
        return
    present = database.execute(
        "select column_name, data_type, column_default from system.main.duckdb_columns() "
        "where table_name = $1",
        [name],
    ).fetchall()
    if kinds != [("table",)] or sorted(present, key=str) != sorted(columns, key=str):
        raise _not_a_store(out, f"{name} is no table with the columns of this release")


def _check_size(database: Any, out: Path, name: str) -> None:
    """Raise UsageError for a table whose rows, some at a time, would not fit into memory."""
    texts = [column.name for column in TABLES[name] if column.type in ("text", "bytes")]
    lengths = " + ".join(f"coalesce(octet_length({text}::blob), 0)" for text in texts)
    rows, size = database.execute(
        f"select coalesce(sum(n), 0), coalesce(max(size), 0) from (select count(*) as n, "
        f"sum({lengths}) as size from {name} group by rowid // {ROWS_AT_ONCE})"
    ).fetchone()
    if rows > MAX_ROWS or size > MAX_BYTES_AT_ONCE:
        raise _not_a_store(out, f"{name} with {rows} rows, {ROWS_AT_ONCE} of them of {size} bytes")


def _check_version(database: Any, out: Path) -> None:
    versions = [row[0] for row in database.execute("from joulemark_store limit 9").fetchall()]
    if versions != [VERSION]:
        raise _not_a_store(out, f"version {', '.join(map(str, versions))}")


def row_parts(
    store: Path, name: str, columns: Sequence[str] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of one table of a store in the order in which they were added, some at a time.

    Args:
        store: The store.
        name: The table.
        columns: The columns that are wanted; None for all.

    Raises:
        MissingExtraError: pyarrow or duckdb is not installed.
        UsageError: It is no store, or one of another version.
    """
    if store.suffix.lower() == ".duckdb":
        wanted = columns or [column.name for column in TABLES[name]]
        yield from _duckdb_parts(store, name, wanted)
        return
    arrow = _pyarrow()
    path = store / f"{name}.parquet"
    for table in _parts_of(arrow, path, _schema(arrow, name), columns):
        yield table.to_pylist()


def _duckdb_parts(
    store: Path,
    name: str,
    columns: Sequence[str],
    where: str = "",
    values: Sequence[Any] = (),
) -> Iterator[list[dict[str, Any]]]:
    duckdb = _import("duckdb", "store")
    refuse_special(store)
    try:
        with duckdb.connect(str(store), read_only=True, config=DUCKDB_SETTINGS) as database:
            _check_plain(database, store, VERSION_TABLE, [("version", "VARCHAR", None)])
            _check_version(database, store)
            _check_columns(database, store, name)
            _check_size(database, store, name)
            query = f"select {', '.join(columns)} from {name} {where}"  # names of our own
            cursor = database.execute(query, values)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield [dict(zip(columns, row, strict=True)) for row in rows]
    except duckdb.Error as error:
        raise _not_a_store(store, shorten(str(error))) from None


def records(store: Path, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield key and encoded result of some entries of a store.

    Args:
        store: The store.
        keys: Keys of the entries.
    """
    if store.suffix.lower() == ".duckdb":
        columns = ("key", "record")
        where = "where key in (select unnest(?))"
        for rows in _duckdb_parts(store, "records", columns, where, [list(keys)]):
            yield from ((row["key"], row["record"] or b"") for row in rows)
        return
    arrow = _pyarrow()
    path = store / "records.parquet"
    wanted = arrow.array(list(keys), arrow.string())
    groups = _groups_with(arrow, path, wanted)
    schema = _schema(arrow, "records")
    for table in _parts_of(arrow, path, schema, ("key", "record"), groups):
        some = table.filter(arrow.compute.is_in(table.column("key"), wanted))
        for row in some.to_pylist():
            yield row["key"], row["record"] or b""


def _groups_with(arrow: Any, path: Path, keys: Any) -> list[int]:
    """Return the row groups of a file that hold some keys."""
    with _open_parquet(arrow, path, _schema(arrow, "records")) as file:
        return [
            number
            for number in range(file.num_row_groups)
            if arrow.compute.any(
                arrow.compute.is_in(file.read_row_group(number, ["key"]).column("key"), keys)
            ).as_py()
        ]


def read_rows(store: Path, name: str) -> list[dict[str, Any]]:
    """Return all rows of one table of a store; see `row_parts`."""
    return [row for rows in row_parts(store, name) for row in rows]


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


def _pyarrow() -> Any:
    """Import pyarrow, and its functions on columns, which it does not import by itself."""
    _import("pyarrow.compute", "parquet")
    return _import("pyarrow", "parquet")


def _import(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"a store needs {module}", fix=f"pip install 'joulemark[{extra}]'"
        ) from None
