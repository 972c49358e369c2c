"""Hostile sizes: memory and time stay within the limits of docs/explanation/security.md."""

from __future__ import annotations

import os
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from harness import api
from harness.core.errors import UnreadableError
from harness.core.files import MAX_FILE_BYTES, read_bytes
from harness.formats.mlperf import mllog
from harness.formats.ptdaemon import spl, spl_table
from harness.traces import clean
from harness.traces.csv_store import read_csv
from harness.traces.store import read_trace
from harness.traces.text_lines import STEP, count_filled, line_groups
from tests.command_line import REPOSITORY
from tests.hostile import trees
from tests.hostile.limited_memory import audit

pytestmark = pytest.mark.slow
MIB = 2**20
BASE, FACTOR = 160 * MIB, 12
"""Memory beyond the imports that an audit needs for any file, as it takes lines in batches [bytes],
and memory that one byte of a file may ask for."""
SIZE = 8 * MIB
SPL = f"{trees.INFERENCE}/performance/run_1/spl.txt"
DETAIL = f"{trees.INFERENCE}/performance/run_1/mlperf_log_detail.txt"
PTD_LOGS = f"{trees.INFERENCE}/performance/power/ptd_logs.txt"
NODE = f"{trees.TRAINING}/power/result_0/node_0.txt"
RESULT = f"{trees.TRAINING}/result_0.txt"
CHANNELS = b"".join(b",Ch%d,Watts,1,Volts,1,Amps,1,PF,1" % k for k in range(1, 400))
FULL = b"Time,01-01-2026 00:00:00.000,Watts,1,Volts,1,Amps,1,PF,1,Mark,x"
LINES = {
    "spl of one-byte lines": (SPL, b"a\n"),
    "spl of empty lines": (SPL, b"\n"),
    "spl without a line end": (SPL, b"a"),
    "spl of commas": (SPL, b","),
    "spl of lines that begin well": (SPL, b"Time,\n"),
    "spl of the shortest readings": (SPL, b"Time,,Watts,,,,,,,\n"),
    "spl of 399 channels": (SPL, FULL + CHANNELS + b"\n"),
    "detail log of tokens": (DETAIL, b":::MLLOG\n"),
    "detail log of broken lines": (DETAIL, b':::MLLOG {"key": "power_begin\n'),
    "detail log of one key": (DETAIL, b':::MLLOG {"key": "power_begin", "value": {"a": []}}\n'),
    "ptd_logs of goes": (PTD_LOGS, b": Go with mark '"),
    "ptd_logs of replies": (PTD_LOGS, b": Response to client sent: "),
    "node log of one-byte lines": (NODE, b"a\n"),
    "node log of the shortest lines": (NODE, b':::MLLOG{"key":""}\n'),
    "node log of lists": (
        NODE,
        b':::MLLOG{"key":"power_reading","value":[' + b"[]," * 1000 + b"[]]}\n",
    ),
    "node log of one line": (NODE, b"[],"),
    "result log of seeds": (RESULT, b':::MLLOG{"key":"seed"}\n'),
}


def grow(path: Path, unit: bytes, size: int) -> None:
    """Append a text again and again."""
    block = unit * (MIB // len(unit) + 1)
    with path.open("ab") as file:
        while file.tell() < size:
            file.write(block)


@pytest.mark.parametrize(("name", "unit"), LINES.values(), ids=LINES.keys())
def test_a_large_log_is_judged_within_the_stated_memory(
    name: str, unit: bytes, tmp_path: Path
) -> None:
    (trees.inference if name.startswith("closed") else trees.training)(tmp_path)
    grow(tmp_path / name, unit, SIZE)
    done = audit(tmp_path, BASE + FACTOR * SIZE)
    assert "Traceback" not in done.stderr
    assert "memory" not in done.stdout + done.stderr
    assert done.returncode in (0, 1), done.stderr


def test_where_memory_ends_the_entry_is_not_judged_and_the_others_are(tmp_path: Path) -> None:
    trees.training(tmp_path)
    trees.inference(tmp_path)
    grow(tmp_path / SPL, b"Time,,Watts,,,,,,,\n", 16 * MIB)
    done = audit(tmp_path, 80 * MIB)
    assert "Traceback" not in done.stderr
    assert "needs more memory than there is" in done.stderr
    assert "0 invalid, 0 questioned, 1 unjudged, 1 valid" in done.stdout


def test_a_sparse_terabyte_costs_nothing(tmp_path: Path) -> None:
    trees.training(tmp_path)
    os.truncate(tmp_path / NODE, 10**12)
    (entry,) = api.read(tmp_path).entries
    assert [d.got for d in entry.defects if d.where == str(tmp_path / NODE)] == [
        "is too large to read"
    ]


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * 100)
    stat = os.fstat

    def grown(descriptor: int) -> os.stat_result:
        found = stat(descriptor)
        with path.open("ab") as file:
            file.write(b"b" * 3 * MIB)
        return found

    monkeypatch.setattr(os, "fstat", grown)
    with pytest.raises(UnreadableError, match="grew"):
        read_bytes(path, limit=2 * MIB)
    assert len(read_bytes(path)) > 3 * MIB


def test_a_file_that_shrinks_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * 100)
    stat = os.fstat

    def shrunk(descriptor: int) -> os.stat_result:
        found = stat(descriptor)
        os.truncate(path, 10)
        return found

    monkeypatch.setattr(os, "fstat", shrunk)
    assert read_bytes(path) == b"a" * 10


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    trees.training(tmp_path)
    found = api.search(tmp_path)
    for path in sorted(tmp_path.rglob("*.txt")):
        path.unlink()
    assert api.load(found).unreadable


def test_archives_are_left_alone(tmp_path: Path) -> None:
    trees.training(tmp_path / "in")
    folder = tmp_path / "in" / trees.TRAINING
    with zipfile.ZipFile(folder / "power/result_0/bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("node_0.txt", bytes(64 * MIB))
    with tarfile.open(folder / "power/result_0/node_9.tar.gz", "w:gz") as tar:
        tar.add(folder / "result_0.txt", "../../escaped")
    started = time.process_time()
    (entry,) = api.read(tmp_path / "in").entries
    assert time.process_time() - started < 2
    assert [d.got for d in entry.defects if d.code == "file-ignored"] == ["bomb.zip, node_9.tar.gz"]
    assert not list(tmp_path.rglob("escaped"))


def test_a_parquet_file_that_packs_a_billion_readings(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    schema = arrow.schema([("t_ns", arrow.int64()), ("power_w", arrow.float64())])
    group = arrow.table({"t_ns": [0] * 2**20, "power_w": [1.0] * 2**20}, schema=schema)
    path = tmp_path / "x.parquet"
    with parquet.ParquetWriter(path, schema) as writer:
        for _ in range(65):
            writer.write_table(group)
    assert path.stat().st_size < MIB
    with pytest.raises(UnreadableError, match="holds too many readings"):
        read_trace(path)


def test_a_parquet_file_of_texts(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    trees.declared(tmp_path)
    head = (tmp_path / "a.csv").read_bytes().partition(b"\n")[0].partition(b": ")[2]
    document = (
        head[:-1] + b', "columns": ["t_ns", "power_w"], "content_sha256": "' + b"0" * 64 + b'"}'
    )
    table = arrow.table({"t_ns": ["a" * 1000] * 10, "power_w": [1.0] * 10})
    parquet.write_table(
        table.replace_schema_metadata({"joulemark-trace": document, "dropped": b"[]"}),
        tmp_path / "x.parquet",
    )
    with pytest.raises(UnreadableError, match="are not numbers"):
        read_trace(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (b"1,1\n" * 2 * MIB, "too short"),
        (b"0000000,00000000\n" * 10_001, "too many invalid readings"),
        (b"1," * 10**6 + b"\n", "broken row"),
    ],
    ids=["short lines", "failures", "a million columns"],
)
def test_a_declared_trace_of_hostile_rows(
    rows: bytes, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "MAX_DROPPED", 10_000)
    trees.declared(tmp_path)
    path = tmp_path / "a.csv"
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:2]) + b"\n" + rows)
    with pytest.raises(UnreadableError, match=match) as refused:
        read_csv(path)
    assert len(str(refused.value)) < 1000


def test_a_header_of_three_megabytes(tmp_path: Path) -> None:
    trees.declared(tmp_path)
    path = tmp_path / "a.csv"
    head, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(head[:-1] + b', "x": [' + b"{}," * MIB + b"{}]}\n" + rest)
    started = time.process_time()
    api.read(tmp_path)
    assert time.process_time() - started < 12


def test_a_thousand_node_logs_and_ten_thousand_files(tmp_path: Path) -> None:
    trees.training(tmp_path)
    folder = (tmp_path / NODE).parent
    for number in range(10_000):
        os.close(os.open(folder / f"junk{number}", os.O_CREAT | os.O_WRONLY))
    for number in range(10, 1000):
        os.close(os.open(folder / f"node_{number}.txt", os.O_CREAT | os.O_WRONLY))
    started = time.process_time()
    (entry,) = api.audit(tmp_path).entries
    assert time.process_time() - started < 10
    assert entry.verdict == "invalid"


def test_a_log_of_broken_lines_is_given_up() -> None:
    content = b':::MLLOG {"key": "power_begin"\n' * (mllog.MAX_BROKEN_LINES + 1000)
    for read in (lambda: mllog.select(content, ["power_begin"]), lambda: mllog.read_all(content)):
        lines, broken = read()
        assert (lines, broken) == ([], mllog.MAX_BROKEN_LINES + 1)


def test_sessions_of_many_marks_and_channels() -> None:
    lines = [FULL + b"%d" % k + CHANNELS for k in range(3000)]
    found = spl.read_spl(b"\n".join(lines), "x")
    assert len(found.electric.marks) == spl_table.MAX_MARKS + 1
    assert sum(count for _, count in found.electric.marks) == len(lines)
    assert len(found.parts) == spl_table.MAX_PARTS


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", 0),
        (b"a", 1),
        (b"a\nb\r\nc\rd", 4),
        (b"\n\n \n\t\r\n", 0),
        (b" a \n\n\n b", 2),
        (b"a\n" * 3 * STEP, 3 * STEP),
    ],
)
def test_lines_are_counted_without_being_held(content: bytes, lines: int) -> None:
    assert count_filled(content) == lines


@pytest.mark.parametrize("sizes", [[], [1], [STEP], [STEP, 1], [1, STEP, STEP + 1, 2, 2]])
def test_lines_are_taken_together(sizes: list[int]) -> None:
    lines = [b"x" * size for size in sizes]
    groups = list(line_groups(lines))
    assert [line for group in groups for line in group] == lines
    assert all(group and sum(map(len, group[:-1])) < STEP for group in groups)


def test_the_limit_of_a_file_is_what_the_documentation_states() -> None:
    text = (REPOSITORY / "docs/explanation/security.md").read_text("utf-8")
    assert f"{MAX_FILE_BYTES // MIB} MiB" in text
    assert f"{FACTOR} bytes" in text
