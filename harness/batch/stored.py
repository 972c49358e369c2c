"""An entry as a store keeps it: its result and its audit, as the leaderboard needs them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from harness.auditing.report import EntryReport
from harness.batch.records import ResultRecord, decode, encode
from harness.core.errors import SchemaError
from harness.scoring.result import Result

NOWHERE = Path(os.devnull)
"""Where the files of a stored entry are: below a file that holds none. A store may come from
anyone, and must not make a reader open other files."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A result and its audit.

    Attributes:
        result: The result without readings, and without the folder that it was read from.
        report: The audit.
    """

    result: ResultRecord
    report: EntryReport

    @staticmethod
    def build(result: Result, report: EntryReport) -> StoredEntry:
        """Return what a store keeps of a result and its audit."""
        record = ResultRecord.build(result)
        entry = replace(record.entry, directory="")
        return StoredEntry(replace(record, entry=entry), report)

    def encode(self) -> bytes:
        """Return its encoded form."""
        return encode(self)


def read_stored(content: bytes) -> tuple[Result, EntryReport]:
    """Return the result and the audit that a store keeps.

    Args:
        content: The encoded form, from anyone.

    Raises:
        SchemaError: It is not what a store keeps.
    """
    stored: StoredEntry = decode(content, StoredEntry)
    record = stored.result
    if stored.report.id != record.entry.id:
        raise SchemaError("has the audit of another entry", got=stored.report.id)
    entry = replace(record.entry, directory=str(NOWHERE / record.entry.id))
    try:
        return replace(record, entry=entry).result(), stored.report
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise SchemaError("is no record of a result", got=str(error)) from None
