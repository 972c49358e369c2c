"""The store of a trace: what goes in comes out, and a changed digit is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import JoulemarkError, SchemaError, UnreadableError
from harness.traces.clean import build_trace
from harness.traces.csv_store import MAGIC, read_csv, write_csv
from harness.traces.parquet_store import read_parquet, write_parquet
from harness.traces.store import read_trace
from harness.traces.trace import Trace

try:
    import pyarrow  # noqa: F401
except ImportError:
    PARQUET = pytest.mark.skip(reason="pyarrow is absent: install joulemark[parquet]")
else:
    PARQUET = ()
STORES = [
    pytest.param(write_csv, read_csv, ".csv", id="csv"),
    pytest.param(write_parquet, read_parquet, ".parquet", id="parquet", marks=PARQUET),
]
T0 = 1_700_000_000_000_000_000


def dirty(channel: Callable, **given: object) -> Trace:
    """Disorder, repeats, failures, and numbers that need all their digits."""
    t_ns = np.array([T0, T0 + 3, T0 + 2, T0 + 2, T0 + 7, 0, T0 + 9], np.int64)
    value = np.array([0.1 + 0.2, 1 / 3, 5e-324, 7.0, -1.0, 8.0, 999999.999999999], np.float64)
    raw = ["0.3", "1/3", "tiny", "7", 'said "-1"\nand\x07 more', "8", "big"]
    return build_trace(channel(**given), t_ns, value, raw)


def same(one: Trace, other: Trace) -> None:
    assert other.t_ns.tolist() == one.t_ns.tolist()
    assert other.value.tobytes() == one.value.tobytes()
    assert other.channel == one.channel
    assert other.dropped == one.dropped
    assert other.content_sha256 == one.content_sha256
    assert [c.tolist() for c in other.source_order()] == [c.tolist() for c in one.source_order()]


@pytest.mark.parametrize(("write", "read", "suffix"), STORES)
class TestRoundTrip:
    def test_a_dirty_trace(
        self, write: Callable, read: Callable, suffix: str, channel: Callable, tmp_path: Path
    ) -> None:
        made = dirty(channel)
        assert made.dropped
        assert made.position is not None
        write(made, tmp_path / f"t{suffix}")
        same(made, read(tmp_path / f"t{suffix}"))
        same(made, read_trace(tmp_path / f"t{suffix}"))

    @pytest.mark.parametrize("kind", ["mean", "instant", "counter", "estimate"])
    @pytest.mark.parametrize("n", [0, 1, 50])
    def test_each_kind(
        self,
        write: Callable,
        read: Callable,
        suffix: str,
        kind: str,
        n: int,
        trace: Callable,
        tmp_path: Path,
    ) -> None:
        made = trace(range(n), np.arange(1, n + 1) * np.pi, kind)
        write(made, tmp_path / f"t{suffix}")
        same(made, read(tmp_path / f"t{suffix}"))

    def test_unknown_fields_of_the_header_survive(
        self, write: Callable, read: Callable, suffix: str, channel: Callable, tmp_path: Path
    ) -> None:
        made = dirty(channel, extra={"from_the_future": {"deep": [1, None, "ü"]}, "vendor": "x"})
        write(made, tmp_path / f"t{suffix}")
        assert read(tmp_path / f"t{suffix}").channel.extra == made.channel.extra

    def test_a_trace_that_was_read_gives_the_same_bytes_again(
        self, write: Callable, read: Callable, suffix: str, channel: Callable, tmp_path: Path
    ) -> None:
        write(dirty(channel), tmp_path / f"a{suffix}")
        write(read(tmp_path / f"a{suffix}"), tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()

    def test_a_file_cut_short_is_refused(
        self, write: Callable, read: Callable, suffix: str, trace: Callable, tmp_path: Path
    ) -> None:
        path = tmp_path / f"t{suffix}"
        write(trace(range(50), np.arange(50) + 0.5), path)
        content = path.read_bytes()
        for share in (0, 0.1, 0.5, 0.9):
            path.write_bytes(content[: int(share * len(content))])
            with pytest.raises(JoulemarkError):
                read(path)


def test_any_flipped_digit_of_the_readings_is_refused(trace: Callable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(trace(range(4), [100.25, 101.5, 99.125, 100.0]), path)
    content = path.read_bytes()
    body = content.index(b"power_w\n") + len(b"power_w\n")
    tried = 0
    for place in range(body, len(content)):
        if content[place : place + 1].isdigit():
            digit = b"%d" % ((int(content[place : place + 1]) + 1) % 10)
            path.write_bytes(content[:place] + digit + content[place + 1 :])
            tried += 1
            with pytest.raises(JoulemarkError):
                read_csv(path)
    assert tried > 80


def test_a_row_lost_or_added_is_refused(trace: Callable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(trace(range(4), [100.25, 101.5, 99.125, 100.0]), path)
    lines = path.read_bytes().splitlines(keepends=True)
    for changed in (lines[:-1], [*lines, b"1700000000900000000,5.0\n"], [*lines[:2], *lines[3:]]):
        path.write_bytes(b"".join(changed))
        with pytest.raises(UnreadableError, match="not the trace its header describes"):
            read_csv(path)


class TestDeclared:
    """A CSV that a meter wrote, under a header that a person declared."""

    def write(self, path: Path, rows: bytes, **more: object) -> Path:
        header = {
            "schema_version": "1.0",
            "id": "total",
            "quantity": "power",
            "unit": "W",
            "kind": "mean",
            "boundary": "wall",
            "calibration_id": "m",
            "accuracy": {"reading_limit_pct": 0.1, "source": "data sheet"},
        }
        path.write_bytes(MAGIC + json.dumps(header | more).encode() + b"\nt_ns,power_w\n" + rows)
        return path

    def test_failures_disorder_and_repeats_end_in_dropped(self, tmp_path: Path) -> None:
        stamps = [
            T0,
            T0 + 1,
            T0 + 3,
            T0 + 2,
            T0 + 2,
            T0 + 5,
            T0 + 6,
            T0 + 7,
            "when",
            "",
            T0 + 8,
            "9" * 19,
        ]
        values = ["100", "", "300", "200", "201", "-1", "nan", "9.91E+37", "5", "6", "what", "7"]
        rows = "".join(f"{t},{value}\n" for t, value in zip(stamps, values, strict=True)).encode()
        made = read_csv(self.write(tmp_path / "t.csv", rows))
        assert made.value.tolist() == [100, 200, 300]
        assert [d.position for d in made.dropped] == [1, 4, 5, 6, 7, 8, 9, 10, 11]
        assert [d.raw for d in made.dropped] == [
            "",
            "201",
            "-1",
            "nan",
            "9.91E+37",
            "5",
            "6",
            "what",
            "7",
        ]

    def test_crlf_blank_lines_comments_and_no_newline_at_the_end(self, tmp_path: Path) -> None:
        rows = b"%d,100\r\n\r\n# a remark\r\n%d,200" % (T0, T0 + 1)
        path = self.write(tmp_path / "t.csv", rows)
        path.write_bytes(
            path.read_bytes()
            .replace(b"\npower", b"\r\npower")
            .replace(b"t_ns,power_w\n", b"t_ns,power_w\r\n")
        )
        assert read_csv(path).value.tolist() == [100, 200]

    def test_a_cell_of_900_kilobytes_is_one_failed_read_and_no_heap_of_memory(
        self, tmp_path: Path
    ) -> None:
        rows = b"".join(b"%d,100\n" % (T0 + i) for i in range(20_000)) + b"%d,%s\n" % (
            T0 + 30_000,
            b"x" * 900_000,
        )
        made = read_csv(self.write(tmp_path / "t.csv", rows))
        assert len(made) == 20_000
        assert len(made.dropped) == 1

    @pytest.mark.parametrize("rows", [b"1\n", b"1,2,3\n", b"1,2\n1\n"])
    def test_a_broken_row_names_its_line(self, rows: bytes, tmp_path: Path) -> None:
        with pytest.raises(UnreadableError, match=r"t\.csv:[34]: has a broken row"):
            read_csv(self.write(tmp_path / "t.csv", rows))

    @pytest.mark.parametrize(
        "record",
        [b"[]", b"{}", b"3", b'["a", 1, "x", "y"]', b"[1, 2, 3]", b"[1, 2, 3, 4]", b"nope"],
    )
    def test_a_broken_record_of_a_dropped_reading(self, record: bytes, tmp_path: Path) -> None:
        with pytest.raises(UnreadableError):
            read_csv(self.write(tmp_path / "t.csv", b"%d,1\n# dropped: %s\n" % (T0, record)))

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "guess"},
            {"unit": "kW"},
            {"accuracy": {}},
            {"id": "../../etc/passwd"},
            {"schema_version": "9.0"},
            {"boundary": 5},
            {"calibration_id": ""},
            {"nominal_interval_s": -1},
            {"conversion_efficiency": "0.9"},
        ],
    )
    def test_a_header_that_is_not_valid(self, change: dict, tmp_path: Path) -> None:
        with pytest.raises(SchemaError):
            read_csv(self.write(tmp_path / "t.csv", b"%d,1\n" % T0, **change))

    def test_other_columns_than_the_header_promises(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path / "t.csv", b"%d,1\n" % T0, quantity="energy", unit="J", kind="counter"
        )
        with pytest.raises(UnreadableError, match="has other columns"):
            read_csv(path)

    @pytest.mark.parametrize(
        "content",
        [b"", b"t_ns,power_w\n1,2\n", MAGIC, MAGIC + b"[]\n", MAGIC + b"{\n", b"\xff\xfe\x00"],
    )
    def test_what_is_no_trace(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_bytes(content)
        with pytest.raises(JoulemarkError):
            read_csv(path)


def test_writing_needs_a_valid_header(trace: Callable, tmp_path: Path) -> None:
    with pytest.raises(SchemaError):
        write_csv(trace([1, 2], [1, 2], id="a/b"), tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()
