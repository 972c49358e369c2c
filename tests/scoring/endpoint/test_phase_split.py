"""Prefill and decode by regression: found where points tell them apart, and silent where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.formats.evidence import EndpointEvidence, Evidence
from harness.render.endpoint import endpoint_document, endpoint_text
from harness.scoring.endpoint.phase_split import PhaseSplit, split_phases
from harness.scoring.result import Result
from harness.scoring.score import score
from tests.scoring.test_score import entry

BASE_W, PREFILL_J, DECODE_J = 40.0, 0.05, 0.8
SECONDS = 100.0


def point(name: str, tokens: tuple[int, int], noise: tuple[float, ...]) -> Result:
    """Runs of 100 s whose power follows their tokens."""
    energy_j = BASE_W * SECONDS + PREFILL_J * tokens[0] + DECODE_J * tokens[1]
    plain = entry(name, *(energy_j / SECONDS * (1 + item) for item in noise))
    record = {
        "model": "m",
        "load": {"kind": "concurrency", "value": 1},
        "prompt_tokens": tokens[0],
        "output_tokens": tokens[1],
    }
    endpoint = EndpointEvidence(model="m", record=record)
    runs = tuple(replace(run, evidence=Evidence(endpoint=endpoint)) for run in plain.runs)
    return score(replace(plain, runs=runs), draws=10_000)


TOKENS = ((200_000, 2_000), (50_000, 10_000), (4_000, 20_000))


def points(noise: float = 0.001) -> list[Result]:
    random = np.random.default_rng(5)
    return [
        point(f"p{number}", tokens, tuple(noise * random.standard_normal(3)))
        for number, tokens in enumerate(TOKENS)
    ]


def test_the_coefficients_are_found_within_their_intervals() -> None:
    split = split_phases(points())
    assert isinstance(split, PhaseSplit)
    assert split.runs == 9
    for estimate, truth in (
        (split.base_power, BASE_W),
        (split.prefill, PREFILL_J),
        (split.decode, DECODE_J),
    ):
        assert estimate.value == pytest.approx(truth, rel=0.05)
        assert estimate.low < truth < estimate.high  # type: ignore[operator]
        assert estimate.note == "inferred by regression, not measured"
    assert split.residual == pytest.approx(0.001, rel=0.6)


def test_a_phase_that_is_not_resolved_has_no_number() -> None:
    split = split_phases(points(noise=0.3))
    assert isinstance(split, PhaseSplit)
    notes = [item.note for item in (split.base_power, split.prefill) if item.value is None]
    assert notes
    assert all(note.startswith("not resolved: at most ") for note in notes)


def test_points_of_one_ratio_tell_nothing() -> None:
    same = [point(f"p{n}", (1000 * n, 100 * n), (0.0, 0.001, -0.001)) for n in (1, 2, 3)]
    assert split_phases(same) == "the points have about one ratio of input to output tokens"


def test_few_runs_tell_nothing() -> None:
    assert "4 runs" in str(split_phases([point("p", TOKENS[0], (0.0, 0.001, 0.002, 0.003))]))


def test_the_table_says_that_it_is_an_inference() -> None:
    text = endpoint_text(points())
    assert "inferred by regression, not measured, over 9 runs: prefill" in text
    document = endpoint_document(points())
    assert document["phases"]["decode"]["value"] == pytest.approx(DECODE_J, rel=0.05)
    few = points()[:1]
    assert "inferred" not in endpoint_text(few)
    assert endpoint_document(few)["phases"] is None
