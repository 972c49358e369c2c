"""Documents made to harm their reader, or to mean different things to two readers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from harness import api
from harness.core.documents import key_twice, parse_json, read_document, read_settings
from harness.core.errors import JoulemarkError, SchemaError, UnreadableError
from harness.core.schemas import MAX_FAULTS, check
from tests.hostile import trees
from tests.hostile.documents import GRID, SERIES
from tests.hostile.paths import whole

SERVER = f"{trees.INFERENCE}/performance/power/server.json"
BOMBS = {
    "aliases": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
    "merge": "a: &a {x: 1}\nb: {<<: *a}\n",
    "tag": "!!python/object/apply:os.system ['true']\n",
    "own tag": "a: !x 1\n",
    "a key twice": "a: 1\na: 2\n",
    "a key twice, deep": "x:\n  - {a: 1, b: 2, a: 3}\n",
    "deep": "[" * 10_000,
    "deep block": "".join(" " * k + "- \n" for k in range(500)),
    "two documents": "a: 1\n---\nb: 2\n",
    "utf-16": "a: 1".encode("utf-16").decode("latin-1"),
    "nul": "a: \0",
    "escape": "a: \x1b",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_yaml_that_is_more_than_data(text: str, tmp_path: Path) -> None:
    path = tmp_path / "joulemark.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(JoulemarkError):
        read_settings(path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"{}\0",
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 01}',
        b"{} {}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"",
        b"{'a': 1}",
        b'{"a": "\n"}',
    ],
)
def test_json_that_is_none(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse_json(content, where="x")


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1e400", "9" * 5000])
def test_a_number_that_no_double_holds(number: str, tmp_path: Path) -> None:
    trees.native(tmp_path)
    path = tmp_path / "run_1/run.json"
    path.write_text(path.read_text().replace('"seconds": ', f'"x": {number}, "seconds": ', 1))
    assert api.read(tmp_path).unreadable


@pytest.mark.parametrize("content", [b'{"a": 1, "a": 2}', b'[{"b": {"a": 1, "\\u0061": 2}}]'])
def test_a_key_twice_is_found_however_it_is_written(content: bytes) -> None:
    assert key_twice(content) == "a"


def test_a_key_in_two_objects_is_not_twice() -> None:
    assert (
        key_twice(b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1e999, "c": ' + b"9" * 5000 + b"}]}")
        is None
    )


def test_a_key_twice_in_an_own_document_is_refused(tmp_path: Path) -> None:
    trees.native(tmp_path)
    path = tmp_path / "run_1/run.json"
    path.write_text(path.read_text().replace('"seconds":', '"seconds": 1, "seconds":', 1))
    (refused,) = api.read(tmp_path).unreadable
    assert "has a key twice; got 'seconds'" in refused[1]


def test_a_key_twice_in_a_foreign_document_is_a_finding(tmp_path: Path) -> None:
    trees.inference(tmp_path)
    path = tmp_path / SERVER
    path.write_text(path.read_text().replace("{", '{"results": {},', 1))
    (entry,) = api.audit(tmp_path).entries
    (finding,) = (f for f in entry.findings if f.rule == "evidence-readable")
    assert (finding.status, finding.got) == ("fail", "key-twice: 'results'")


def test_a_document_of_faults_is_refused_soon() -> None:
    started = time.process_time()
    with pytest.raises(SchemaError, match="At least") as refused:
        check("manifest", {"files": [{"path": 1}] * 200_000})
    assert str(MAX_FAULTS - 1) in str(refused.value)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "document",
    [
        {"ptd_messages": [{"cmd": "Hello", "reply": "x"}] * 50_000},
        {"ptd_messages": [[]] * 200_000},
        {"results": {str(number): "0" for number in range(50_000)}},
        {"ptd_config": [{}] * 200_000},
        {"phases": {"testing": [[1, 2]] * 100_000}},
        {"ptd_messages": [{"cmd": "Go," + "9" * 5000 + ",testing", "reply": ""}]},
    ],
    ids=[
        "greetings",
        "analyzers",
        "hashes",
        "configurations",
        "stamps",
        "an interval of 5000 digits",
    ],
)
def test_a_session_of_very_many(document: object, tmp_path: Path) -> None:
    trees.inference(tmp_path)
    (tmp_path / SERVER).write_text(json.dumps(document))
    started = time.process_time()
    whole(tmp_path)
    assert time.process_time() - started < 6


@pytest.mark.parametrize(
    "stamp",
    ["9999-12-31T23:59:59", "0001-01-01T00:00:00", "2022-10-30T00:00:00.000001", "2300-01-01"],
)
def test_a_series_whose_last_stamp_is_far_away(stamp: str, tmp_path: Path) -> None:
    from harness.carbon.grid.hourly import read_hourly

    (tmp_path / "grid.yaml").write_bytes(GRID)
    (tmp_path / "grid.csv").write_bytes(SERIES + stamp.encode() + b",400\n")
    with pytest.raises(UnreadableError):
        read_hourly(tmp_path / "grid.yaml")


def test_a_table_of_a_million_columns(tmp_path: Path) -> None:
    from harness.carbon.grid.hourly import read_hourly

    (tmp_path / "grid.yaml").write_bytes(GRID)
    (tmp_path / "grid.csv").write_bytes(b"a," * 10**6 + b"a\n" + b"1," * 10**6 + b"1\n")
    with pytest.raises(UnreadableError, match="has no column") as refused:
        read_hourly(tmp_path / "grid.yaml")
    assert len(str(refused.value)) < 1000


def test_lines_may_end_with_a_carriage_return(tmp_path: Path) -> None:
    from harness.carbon.grid.hourly import read_hourly

    (tmp_path / "grid.yaml").write_bytes(GRID)
    (tmp_path / "grid.csv").write_bytes(SERIES.replace(b"\n", b"\r"))
    assert len(read_hourly(tmp_path / "grid.yaml")) == 25  # the clocks are turned back in it


def test_a_catalogue_document_with_an_endless_uncertainty(tmp_path: Path) -> None:
    from tests.hostile.documents import CATALOGUE

    document = json.loads(CATALOGUE.read_bytes())
    next(iter(document["inputs"].values()))["u_ln"] = 1e308
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SchemaError, match="at most 10"):
        read_document("footprint", path)
