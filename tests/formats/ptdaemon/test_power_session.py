"""Power sessions in any state: no rule raises, and logs of one session only stay in memory."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import api
from harness.formats.ptdaemon import session_logs
from harness.formats.ptdaemon.spl import read_spl
from tests.auditing.rules import builders as b

FILES = (
    "power/client.json",
    "power/server.json",
    "power/client.log",
    "power/server.log",
    "power/ptd_logs.txt",
    *(
        f"{run}/{name}"
        for run in ("ranging", "run_1")
        for name in ("spl.txt", "mlperf_log_detail.txt", "mlperf_log_summary.txt")
    ),
)
ODD = (
    None,
    True,
    -1,
    1e300,
    "",
    "x" * 300,
    "\ud800",
    [],
    [1],
    [[1]],
    {},
    {"a": 1},
    [None, {}],
    "nan,nan,nan",
)


@pytest.fixture(scope="module", params=["WT210", "WT333E", "two_analyzers"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return b.inference(tmp_path_factory.mktemp("made"), analyzers=request.param, duration_s=30.0)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    root = made.parents[5]
    shutil.copytree(root, tmp_path / "tree")
    return tmp_path / "tree" / made.relative_to(root)


def no_error(folder: Path) -> None:
    result = api.audit(folder)
    assert [
        (f.rule, f.got) for entry in result.entries for f in entry.findings if f.status == "error"
    ] == []
    assert all(
        f.where and f.got and f.expected and f.fix
        for entry in result.entries
        for f in entry.findings
    )


@pytest.mark.parametrize("how", ["removed", "emptied", "a folder", "noise", "a link", "half"])
def test_a_file_in_any_state_is_no_error(
    how: str, folder: Path, harm: Callable[[str, Path], None]
) -> None:
    for name in FILES:
        path = folder / "performance" / name
        kept = path.read_bytes()
        harm(how, path)
        no_error(folder)
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.write_bytes(kept)
        (folder.parents[6] / "away").unlink(missing_ok=True)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 6))]
)
def test_documents_of_any_types_are_no_error(seed: int, side: str, folder: Path) -> None:
    rng = random.Random(seed)
    path = folder / "performance" / "power" / f"{side}.json"
    clean = path.read_text("utf-8")
    places = list(_places(json.loads(clean)))
    for place in [(key,) for key in json.loads(clean)] + rng.sample(places, min(25, len(places))):
        document = json.loads(clean)
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = rng.choice(ODD)
        path.write_text(json.dumps(document), "utf-8")
        no_error(folder)


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_is_no_error(seed: int, folder: Path) -> None:
    rng = np.random.default_rng(seed)
    for name in FILES:
        path = folder / "performance" / name
        content = bytearray(path.read_bytes())
        for place in rng.integers(0, len(content), 20):
            content[place] = rng.integers(0, 256)
        lines = bytes(content).split(b"\n")
        at = int(rng.integers(0, len(lines)))
        lines[at : at + 1] = [
            lines[at][: len(lines[at]) // 2],
            lines[int(rng.integers(0, len(lines)))] * 3,
        ]
        path.write_bytes(b"\n".join(lines))
    no_error(folder)


@pytest.mark.parametrize(
    "text", [b"ERROR: ", b"WARNING: ", b": Go with mark 'x_testing'", b", which is above ", b"\r"]
)
def test_a_log_full_of_one_text_ends_soon(text: bytes, folder: Path) -> None:
    path = folder / "performance" / "power" / "ptd_logs.txt"
    content = path.read_bytes()
    at = content.index(b"\n", content.index(b"_testing'")) + 1
    path.write_bytes(
        content[:at] + text * (8_000_000 // len(text)) + (b"\n" + text) * 200_000 + content[at:]
    )
    started = time.process_time()
    no_error(folder)
    assert time.process_time() - started < 20


def test_logs_of_one_session_are_held_at_a_time(made: Path) -> None:
    first, second = (api.read(made).entries[0].runs[0].evidence.session for _ in range(2))
    assert first.open() is first.open()
    logs = first.open()
    second.open()
    assert first.open() is not logs


def test_a_log_beyond_the_limit_is_not_compared(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_logs, "MAX_LOG_BYTES", 1000)
    found = b.report(made)
    assert {f.status for f in b.of(found, "ptd-raw-readings")} <= {"fail"}
    assert b.of(found, "declared-hashes") == [], "hashes are still taken"


def test_fast_and_slow_reading_of_a_trace_agree(real_data: Path) -> None:
    for path in sorted((real_data / "mlperf-inference-v4.1").rglob("spl.txt")):
        content = path.read_bytes()
        fast, slow = read_spl(content, ""), read_spl(content + b"Time,cut\n", "")
        assert slow.broken == fast.broken + 1
        assert (fast.t_ns == slow.t_ns).all()
        assert np.array_equal(fast.power_w, slow.power_w)
        assert [name for name, _ in fast.parts] == [name for name, _ in slow.parts]
        for name in ("mismatch_w", "mismatch_power_w", "fingerprints"):
            assert np.array_equal(getattr(fast.electric, name), getattr(slow.electric, name)), name
        assert fast.electric.marks == slow.electric.marks
        assert fast.electric.amps_max == slow.electric.amps_max
        assert list(fast.raw) == list(slow.raw)
