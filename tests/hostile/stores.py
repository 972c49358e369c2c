"""Stores, traces in Parquet and experiments by others: what reads them, and a valid one of each."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from harness import api
from harness.batch.examined import Examined
from harness.ranking.question_sets import question_sets
from harness.render.json import leaderboard_document
from harness.render.store.files import write_store
from harness.render.store.reader import read_stores
from harness.render.store.rows import table_rows
from harness.render.terminal.leaderboard import board
from harness.uncertainty.monte_carlo import SEED
from tests.hostile import paths as hostile_paths
from tests.hostile.trees import folder_for_now, native

READINGS = ("t_ns", "value")
"""Fields of a trace that are bytes; a store keeps them empty."""


@functools.cache
def store() -> Path:
    """A small store in Parquet."""
    tree, folder = folder_for_now(), folder_for_now()
    native(tree)
    results, reports = api.score_and_audit(api.read(tree))
    write_store(folder / "store", table_rows(results, reports))
    return folder / "store"


def record_as_json() -> bytes:
    """The record of a result as JSON, so that damage keeps its form."""
    import pyarrow.parquet as parquet

    (record,) = parquet.read_table(store() / "records.parquet")["record"].to_pylist()[:1]
    plain = msgspec.msgpack.decode(record)
    return json.dumps(plain, default=lambda content: content.decode("ascii")).encode()


def read_record(content: bytes) -> None:
    """Rank a result whose record is damaged."""
    with hostile_paths.told():
        try:
            record = msgspec.msgpack.encode(_with_bytes(json.loads(content)))
        except (ValueError, OverflowError, RecursionError, UnicodeEncodeError):
            record = content
        _replace_record(record)
        rank(read_stores([_copy()], 0.95, SEED))


def _replace_record(record: bytes) -> None:
    """Write the table of records anew, with one record."""
    import pyarrow
    import pyarrow.parquet as parquet

    table = parquet.read_table(store() / "records.parquet").slice(0, 1)
    forged = [row | {"record": record} for row in table.to_pylist()]
    table = pyarrow.Table.from_pylist(forged, schema=table.schema)
    parquet.write_table(table, _copy() / "records.parquet")


def _with_bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_bytes(item) for item in value]
    if isinstance(value, dict):
        return {
            name: b"" if name in READINGS and item == "" else _with_bytes(item)
            for name, item in value.items()
        }
    return value


def rank(examined: Examined) -> None:
    """Make a leaderboard of stored results in every form."""
    tables = api.rank(examined)
    sets = question_sets(tables, tables)
    for form, check in hostile_paths.BOARDS.items():
        check(board(tables, form, sets))
    document = leaderboard_document(tables, examined.unreadable, examined.skipped, sets)
    hostile_paths.document("leaderboard", document)


def read_table(name: str) -> Callable[[bytes], None]:
    """Return what reads a store of which one file is damaged."""

    def read(content: bytes) -> None:
        folder = _copy()
        (folder / name).write_bytes(content)
        with hostile_paths.told():
            rank(read_stores([folder], 0.95, SEED))

    return read


@functools.cache
def _copy() -> Path:
    folder = folder_for_now()
    for path in store().iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


STORES: dict[str, tuple[Callable[[], bytes], Callable[[bytes], None]]] = {
    "store-record": (record_as_json, read_record),
    "store-table": (
        lambda: (store() / "records.parquet").read_bytes(),
        read_table("records.parquet"),
    ),
}
