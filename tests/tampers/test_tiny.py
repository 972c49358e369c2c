"""MLPerf Tiny: tampers with a result are caught, and a clean one is valid."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from harness import api
from harness.auditing.report import EntryReport
from tests.auditing.rules import builders as b
from tests.tampers import tiny


def windows(samples: list[float], first: int, second: int) -> list[float]:
    """Swap the samples of two windows, and a little around them."""
    spans = [
        slice(round(tiny.MARKERS[n] * tiny.RATE) - 9, round(tiny.MARKERS[n + 1] * tiny.RATE) + 9)
        for n in (2 * first + 1, 2 * second + 1)
    ]
    samples[spans[0]], samples[spans[1]] = samples[spans[1]], samples[spans[0]]
    return samples


def uneven(folder: Path) -> None:
    """A result whose five windows differ by a little, as real ones do."""

    def change(samples: list[float]) -> list[float]:
        for k in range(5):
            begin, end = (round(t * tiny.RATE) for t in tiny.MARKERS[2 * k + 1 : 2 * k + 3])
            for n in range(begin, end):
                samples[n] += 0.003 * k
        return samples

    tiny.retrace(folder, change)
    path = folder / "energy" / "results.txt"
    text = path.read_text("utf-8")
    for k in range(5):
        energy = 2500 * (tiny.BUSY_UJ + 0.003 * k)
        head, mark, tail = text.partition(f"window {2 * k + 2} at")
        tail = tail.replace("100000.000 uJ", f"{energy:.3f} uJ", 1)
        text = head + mark + tail.replace("200.000 uJ/inf", f"{energy / 500:.3f} uJ/inf", 1)
    path.write_text(text.replace("cost is 200.000", "cost is 200.030"), "utf-8")


def swapped(folder: Path) -> None:
    uneven(folder)
    content = (folder / "energy" / "trace1-energy.bin").read_bytes()
    samples = list(struct.unpack(f"<{len(content) // 4}f", content[1:]))[1:]
    swap = windows(samples, 1, 3)
    (folder / "energy" / "trace1-energy.bin").write_bytes(tiny.trace_bytes(swap))


def scaled(folder: Path) -> None:
    tiny.retrace(folder, lambda samples: [0.95 * value for value in samples])


def median(folder: Path) -> None:
    tiny.edit(folder, "results.txt", "cost is 200.000", "cost is 190.000")


def window_print(folder: Path) -> None:
    tiny.edit(folder, "results.txt", "100000.000 uJ", "99990.000 uJ", 1)


def cut(folder: Path) -> None:
    path = folder / "energy" / "trace1-energy.bin"
    path.write_bytes(path.read_bytes()[: -4 * 5000])


def marker_moved(folder: Path) -> None:
    """The first window begins half a second late, and so has less energy."""
    markers = [*tiny.MARKERS]
    markers[1] += 0.5
    (folder / "energy" / "trace1-timestamps.json").write_text(json.dumps(markers), "utf-8")


def other_board(folder: Path) -> None:
    """Trace and markers of a board that was measured another time."""
    tiny.retrace(folder, lambda samples: [1.3 * value for value in samples])


def other_session(folder: Path) -> None:
    """The whole energy run of another session; its log stays."""
    (folder / "energy" / "log.txt").write_text(tiny.log_text(7.0), "utf-8")


def verdict_and_rules(found: EntryReport) -> tuple[str, set[str]]:
    return found.verdict, {item.rule for item in found.findings if b.outcome(item) != "skip"}


def test_a_clean_result_is_valid(tmp_path: Path) -> None:
    """Windows of 2.5 s are too short, and without noise; this is all that is said."""
    verdict, rules = verdict_and_rules(tiny.judged(tmp_path, uneven))
    assert verdict == "valid"
    assert rules <= {"minimum-duration", "result-valid", "near-copies", "noise-plausible"}


@pytest.mark.parametrize(
    ("tamper", "rule", "verdict"),
    [
        (scaled, "evidence-readable", "invalid"),
        (swapped, "evidence-readable", "invalid"),
        (median, "evidence-readable", "invalid"),
        (window_print, "evidence-readable", "invalid"),
        (cut, "evidence-readable", "invalid"),
        (marker_moved, "evidence-readable", "invalid"),
        (other_board, "evidence-readable", "invalid"),
        (other_session, "trace-matches-log", "questioned"),
    ],
)
def test_a_tamper_is_caught(tamper: tiny.Tamper, rule: str, verdict: str, tmp_path: Path) -> None:
    found = tiny.judged(tmp_path, tamper)
    assert found.verdict == verdict
    assert rule in {item.rule for item in found.findings if b.outcome(item) in ("fail", "question")}


def copy_of(tmp_path: Path, path: str, log: str) -> list[EntryReport]:
    """Audit a result beside another whose energy run is a copy of it."""
    first = tiny.result(tmp_path)
    uneven(first)
    second = tiny.result(tmp_path, path, description=path.split("/")[4])
    shutil.rmtree(second / "energy")
    shutil.copytree(first / "energy", second / "energy")
    (second / "energy" / "log.txt").write_text(
        (first / "energy" / "log.txt").read_text().replace("20240322154745", log)
    )
    description = second.parents[2] / "systems" / f"{path.split('/')[4]}.json"
    description.write_text('{"Notes": "Operating at 1.8V"}')
    return list(api.audit(tmp_path).entries)


@pytest.mark.parametrize(
    "path",
    [
        "tiny_results_v1.2/closed/Acme/results/second/kws",
        "tiny_results_v1.2/closed/Rival/results/board/kws",
        "tiny_results_v1.3/closed/Rival/results/other/kws",
    ],
)
@pytest.mark.parametrize("session", ["20240322154745", "20250101000000"])
def test_copies_across_systems_and_rounds_are_caught(
    path: str, session: str, tmp_path: Path
) -> None:
    for found in copy_of(tmp_path, path, session):
        rules = {item.rule for item in found.findings if b.outcome(item) != "skip"}
        assert {"duplicate-traces", "near-copies"} & rules
        if session == "20240322154745":
            assert found.verdict == "invalid"
