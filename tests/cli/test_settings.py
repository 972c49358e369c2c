"""Settings come from the user alone, are checked, and are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import REPOSITORY, Done, joulemark

ENTRY = REPOSITORY / "submissions/lab-2026/training/SimulatedAlder"
MINIMAL = ENTRY


def level(done: Done) -> float:
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout)["entries"][0]["energy"]["level"])


@pytest.fixture
def entry() -> Path:
    for place in (ENTRY, REPOSITORY / "submissions"):
        if place.is_dir():
            return place
    raise AssertionError("no bundled submissions")


def test_later_sources_take_precedence(entry: Path, tmp_path: Path) -> None:
    own = tmp_path / "config" / "joulemark" / "joulemark.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("score: {level: 0.6}\n")
    stated = tmp_path / "stated.yaml"
    stated.write_text("score: {level: 0.68}\n")
    home = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    score = ("score", entry, "--json")
    assert level(joulemark(*score, **home)) == 0.6
    assert level(joulemark("--settings", stated, *score, **home)) == 0.68
    environment = home | {"JOULEMARK_SCORE_LEVEL": "0.8"}
    assert level(joulemark("--settings", stated, *score, **environment)) == 0.8
    assert level(joulemark("--settings", stated, *score, "--level", "0.9", **environment)) == 0.9


def test_what_a_file_sets_is_shown(entry: Path, tmp_path: Path) -> None:
    stated = tmp_path / "stated.yaml"
    stated.write_text("score: {level: 0.68}\naudit: {jobs: 2}\n")
    done = joulemark("--settings", stated, "score", entry)
    assert f"{stated} sets for score: level = 0.68" in done.stderr
    assert "jobs" not in done.stderr


def test_no_settings_are_read_from_the_working_directory(entry: Path, tmp_path: Path) -> None:
    (tmp_path / "joulemark.yaml").write_text("score: {level: 0.68}\nnonsense: [\n")
    assert level(joulemark("score", entry, "--json", cwd=tmp_path)) == 0.95


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scores: {level: 0.9}\n", ("scores", "Did you mean score")),
        ("score: {levle: 0.9}\n", ("levle", "Did you mean level")),
        ("score: [1\n", ("is not YAML",)),
        ("score: 3\n", ("is not a settings file",)),
        ("score: {level: 0.9}\n" + "#" * 2**16, ("is too large",)),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    text: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    stated = tmp_path / "stated.yaml"
    stated.write_text(text)
    done = joulemark("--settings", stated, "score", tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in (*words, "stated.yaml"):
        assert word in done.stderr
