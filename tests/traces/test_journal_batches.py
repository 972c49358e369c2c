"""Many lines of a journal at once give what they give one by one, whatever they hold."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from harness.traces.columns import GrowingColumn
from harness.traces.csv_store import parse_csv, stream_csv
from harness.traces.journal.chain import links
from harness.traces.journal.reader import JournalReader
from harness.traces.journal.segment import ChannelColumns, SegmentReadings, line_groups
from tests.signing import live

T = 1_700_000_000_000_000_000
CELLS = (
    *("", "-0", "+1", "-5", "1_0", " 1", "1 ", "007", "1.0", "1.", ".5", "1e3", "1e400", "1e-5"),
    *("-1.5", "nan", "inf", "0x10", "e", "9223372036854775807", "9223372036854775808"),
    *(
        '"x"',
        "1,2",
        "１",
        "\r",
        "\x00",
        "#",
        "5 # 6",
        "9" * 40,
        "0.1000000000000000055511151231257827",
    ),
)
"""What a cell may hold: usual numbers, and what some reader of numbers understands otherwise."""
COMMENTS = (
    "#",
    "# clock: [1,2,3]",
    "# clock: [1,2]",
    '# end: {"missed": 0}',
    '# context: [1, {"total": {"temperature_c": 61.0}}]',
    "# chain: 00",
    " # a comment that begins with a space",
)


def lines_of(seed: int) -> bytes:
    """Lines as a sampler writes them, some of them damaged."""
    random = Random(seed)
    lines = []
    for index in range(random.choice([1, 5, 60])):
        value = random.choice([93.5, 0.1 + index / 7, 1e-7, 3e22])
        row = [str(index % 2), str(T + index), str(index), "1000", repr(value), ""]
        if random.random() < 0.1:
            row[random.randrange(6)] = random.choice(CELLS)
        lines.append(random.choice(COMMENTS) if random.random() < 0.05 else ",".join(row))
        if random.random() < 0.02:
            lines.append("")
    return ("\n".join(lines) + "\n").encode()


def what_is_read(text: bytes, *, at_once: bool) -> list[object]:
    columns, late = [ChannelColumns(), ChannelColumns()], GrowingColumn(np.int64)
    parsed = SegmentReadings(columns, late)
    for comments, readings in line_groups(text):
        parsed.add_lines(comments)
        if not (at_once and readings and parsed.add_plain(readings)):
            parsed.add_lines(readings)
    faults = [column.faults for column in columns]
    numbers = [
        (column.t_ns.column().tolist(), list(map(repr, column.value.column().tolist())))
        for column in columns
    ]
    return [
        numbers,
        faults,
        late.column().tolist(),
        parsed.clocks,
        parsed.context,
        parsed.end,
        parsed.unreadable,
    ]


def test_many_lines_at_once_give_what_they_give_one_by_one() -> None:
    for seed in range(400):
        text = lines_of(seed)
        assert what_is_read(text, at_once=True) == what_is_read(text, at_once=False), text


@pytest.mark.parametrize("column", range(6))
@pytest.mark.parametrize("cell", CELLS)
def test_each_cell_is_understood_alike(column: int, cell: str) -> None:
    row = ["0", str(T), "5", "1000", "93.5", ""]
    row[column] = cell
    text = f"0,{T - 1},4,0,1.0,\n{','.join(row)}\n1,{T + 1},6,0,2.0,\n".encode()
    assert what_is_read(text, at_once=True) == what_is_read(text, at_once=False)


def test_usual_lines_are_parsed_at_once() -> None:
    rows = "".join(f"{n % 2},{T + n},{n},1000,{90 + n / 7!r},\n" for n in range(100)).encode()
    columns = [ChannelColumns(), ChannelColumns()]
    assert SegmentReadings(columns, GrowingColumn(np.int64)).add_plain(rows)
    assert (len(columns[0].t_ns), len(columns[1].t_ns)) == (50, 50)


def test_comments_keep_their_order_wherever_they_stand() -> None:
    text = b"# a\n# b\n1,2\n# c\n3,4\n#d\n#e\n"
    assert list(line_groups(text)) == [(b"# a\n# b\n# c\n#d\n#e\n", b"1,2\n3,4\n")]


@pytest.mark.parametrize(
    ("content", "count", "last"),
    [
        (b"", 0, 0),
        (b"# chain: " + b"0" * 64 + b"\n", 1, 1),
        (b"a\n# chain: " + b"0" * 64 + b"\n# chain: " + b"1" * 64 + b"\nb\n", 2, 3),
        (b"a # chain: " + b"0" * 64 + b"\n", 0, 0),
        (b"a\n# chain: " + b"0" * 63 + b"\n# chain: " + b"1" * 64 + b"\n", 1, 3),
        (b"a\n# chain: " + b"0" * 64, 0, 0),
        (b"# chain: " + b"A" * 64 + b"\n", 0, 0),
    ],
)
def test_links_are_whole_lines_of_their_form(content: bytes, count: int, last: int) -> None:
    chain = links(content)
    assert (chain.count, chain.last) == (count, last)


def test_a_journal_is_read_once_for_all_who_ask(tmp_path: Path) -> None:
    path = live.write_journal(tmp_path / "m.csv")
    reader = JournalReader()
    first = reader.read(path)
    path.write_bytes(b"")
    assert reader.read(path) is first
    assert reader.readable(tmp_path) == [first]
    assert JournalReader().readable(tmp_path) == []


def trace_file(folder: Path, rows: list[str]) -> Path:
    """A declared trace that is long enough to be parsed at once."""
    header = json.dumps(live.channel().header())
    names = "t_ns,power_w"
    path = folder / "t.csv"
    path.write_text("\n".join([f"# joulemark-trace: {header}", names, *rows]) + "\n")
    return path


@pytest.mark.parametrize("cell", ["1.5", "0", "0.0", "-0", "-1", "nan", "", "1e400", "1_0"])
def test_a_trace_is_the_same_whole_and_by_blocks(cell: str, tmp_path: Path) -> None:
    rows = [f"{T + n * 10**8},{100 + n / 7!r}" for n in range(4000)]
    rows[2000] = f"{T + 2000 * 10**8},{cell}"
    path = trace_file(tmp_path, rows)
    whole = parse_csv(path.read_bytes(), where="t.csv")
    blocks, _ = stream_csv(path)
    assert whole.content_sha256 == blocks.content_sha256
    kept = [(item.position, item.t_ns, item.reason) for item in whole.dropped]
    assert kept == [(item.position, item.t_ns, item.reason) for item in blocks.dropped]
    assert len(whole) + len(whole.dropped) == 4000
    if cell == "0":
        assert [item.raw for item in whole.dropped] == ["0"]
