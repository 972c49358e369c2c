"""Evidence of a run survives the run record, and a forged record is detected."""

from __future__ import annotations

from typing import Any

import pytest

from harness.formats.evidence import (
    Evidence,
    InferenceEvidence,
    RecordingEvidence,
    TrainingEvidence,
)
from harness.formats.evidence_facts import evidence_from_facts, facts_of
from harness.traces.trace import Window

WHOLE = [
    Evidence(),
    Evidence(
        inference=InferenceEvidence(
            loadgen={"result_validity": "VALID"}, identity="WT310", range_w=1500.0, utc_shift_ns=9
        )
    ),
    Evidence(
        training=TrainingEvidence(
            seeds=(1, "2"),
            progress=("samples_count", 3072.0),
            stated={"global_batch_size": 8},
            lost_lines={"power/result_0/node_0.txt": (1, 9)},
            rated_stamps={"sw_0": None, "sw_1": 5},
        )
    ),
    Evidence(
        recording=RecordingEvidence(
            window_from="run_start and run_stop",
            logged={"seed": 7.0},
            idle={"before": Window(1, 2)},
            samplers=({"meter": "rapl", "reads": 3},),
            ranks=({"number": 0},),
        ),
        extra={"a_later_release": [1, {"b": None}]},
    ),
]


@pytest.mark.parametrize("evidence", WHOLE)
def test_evidence_survives_the_run_record(evidence: Evidence) -> None:
    assert evidence_from_facts(facts_of(evidence)) == (evidence, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("values", [1]),
        ("range_w", "1500"),
        ("utc_shift_ns", True),
        ("seeds", "7"),
        ("progress", ["samples_count"]),
        ("progress", ["samples_count", True]),
        ("lost_lines", {"a.txt": [1, -1]}),
        ("rated_stamps", {"sw_0": 1.5}),
        ("idle", {"before": {"start_ns": 2, "stop_ns": 1}}),
        ("idle", {"before": 3}),
        ("sampler", {"meter": "rapl"}),
        ("rank", [0]),
        ("ranks", {"0": {}}),
        ("incomplete", 1),
    ],
)
def test_malformed_facts_are_named_and_kept(name: str, value: Any) -> None:
    evidence, malformed = evidence_from_facts({name: value})
    assert malformed == (name,)
    assert evidence.extra == {name: value}


def test_one_malformed_sampler_does_not_hide_the_others() -> None:
    evidence, malformed = evidence_from_facts({"sampler": [{"meter": "rapl"}, 3]})
    assert malformed == ("sampler",)
    assert evidence.samplers == ({"meter": "rapl"},)
