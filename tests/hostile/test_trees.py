"""Hostile trees: reading ends soon, follows no link, and raises only the harness's own errors."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from lab_simulator import write_inference, write_training

from harness.core.errors import JoulemarkError, UnreadableError
from harness.core.files import MAX_FILE_BYTES, read_bytes
from harness.formats.csv_trace import is_trace
from harness.formats.discovery import MAX_DEPTH, Found, Skipped, find
from harness.scoring.score import score
from harness.traces.csv_store import read_csv


def tree(folder: Path) -> Path:
    """An entry of each foreign format."""
    write_inference(
        folder, submitter="s", system="m", benchmark="resnet50", scenario="Offline", seed=1
    )
    write_training(
        folder,
        submitter="t",
        system="m",
        benchmark="bert",
        seed=2,
        runs=3,
        nodes=2,
        duration_s=20.0,
    )
    return folder


def test_ten_thousand_empty_folders_hold_nothing(tmp_path: Path) -> None:
    for number in range(10_000):
        os.mkdir(tmp_path / str(number))
    started = time.process_time()
    assert list(find(tmp_path)) == []
    assert time.process_time() - started < 5


def test_a_tree_deeper_than_the_limit_is_told(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (MAX_DEPTH + 5))
    deep.mkdir(parents=True)
    (found,) = find(tmp_path)
    assert isinstance(found, Skipped)
    assert "nested deeper" in found.reason


def test_a_loop_of_links_is_not_walked(tmp_path: Path) -> None:
    tree(tmp_path / "tree")
    (tmp_path / "tree" / "closed" / "loop").symlink_to(tmp_path / "tree")
    assert len(list(find(tmp_path / "tree"))) == 2


def test_hidden_folders_are_not_searched(tmp_path: Path) -> None:
    tree(tmp_path / ".git")
    assert list(find(tmp_path)) == []


@pytest.mark.parametrize("kind", ["pipe", "device", "socket link", "dangling link"])
@pytest.mark.parametrize(
    "name",
    [
        "closed/s/results/m/resnet50/Offline/performance/run_1/spl.txt",
        "closed/s/results/m/resnet50/Offline/performance/power/server.json",
        "t/results/m/bert/result_0.txt",
        "t/results/m/bert/power/result_0/node_0.txt",
        "t/systems/m.json",
    ],
)
def test_what_is_no_regular_file_is_refused_without_reading(
    name: str, kind: str, tmp_path: Path
) -> None:
    path = tree(tmp_path / "tree") / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)  # reading it would wait for ever
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to("/dev/log" if kind == "socket link" else tmp_path / "nowhere")
    told = []
    for place in find(tmp_path / "tree"):
        entry = place.read()
        told += [defect.where for defect in entry.defects]
        score(entry, draws=10_000)
    assert str(path) in told


def test_a_sparse_giant_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tree(tmp_path / "tree") / "t/results/m/bert/power/result_0/node_0.txt"
    os.truncate(path, MAX_FILE_BYTES + 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableError, match="too large"):
        read_bytes(path)
    (entry,) = [place.read() for place in find(tmp_path / "tree" / "t")]
    assert [d.got for d in entry.defects if d.where == str(path)] == ["is too large to read"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_pipes_named_like_traces(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    assert not is_trace(tmp_path / "a.csv")
    assert list(find(tmp_path)) == []
    with pytest.raises(JoulemarkError):
        read_csv(tmp_path / "a.csv")


def test_an_unreadable_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path)
    scan = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(find(tmp_path))
    assert Skipped("closed", "cannot be listed: Permission denied") in found
    assert [type(place) for place in found].count(Found) == 1


@pytest.mark.filterwarnings(
    "default:overflow encountered in exp"
)  # t of two runs: an infinite draw is a draw
@pytest.mark.parametrize("seed", range(12))
def test_random_damage_costs_readings_and_not_the_entry(seed: int, tmp_path: Path) -> None:
    """Bytes flipped, lines doubled, cut and shuffled, in every file at once."""
    rng = np.random.default_rng(seed)
    tree(tmp_path)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        content = bytearray(path.read_bytes())
        for place in rng.integers(0, len(content), max(1, len(content) // 400)):
            content[place] = rng.integers(0, 256)
        lines = bytes(content).split(b"\n")
        for _ in range(3):
            at = int(rng.integers(0, len(lines)))
            lines[at : at + 1] = [
                lines[at],
                lines[at][: len(lines[at]) // 2],
                lines[int(rng.integers(0, len(lines)))],
            ]
        path.write_bytes(b"\n".join(lines))
    found = list(find(tmp_path))
    assert len(found) == 2
    for place in found:
        energy = score(place.read(), draws=10_000).energy
        assert energy.value is None or np.isfinite([energy.value, energy.low, energy.high]).all()


@pytest.mark.parametrize("name", ["result_0.txt", "power/result_0/node_0.txt"])
@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000])
def test_json_nested_without_end(name: str, deep: bytes, tmp_path: Path) -> None:
    path = tree(tmp_path) / "t/results/m/bert" / name
    key = b'"run_start"' if name == "result_0.txt" else b'"power_reading"'
    path.write_bytes(path.read_bytes() + b':::MLLOG {"key": ' + key + b', "value": ' + deep + b"\n")
    (place,) = find(tmp_path / "t")
    entry = place.read()
    assert "mllog-line-broken" in [defect.code for defect in entry.defects]
    assert score(entry, draws=10_000).energy.value is not None
