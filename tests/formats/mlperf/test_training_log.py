"""What a training run reached, by the lines of its result log."""

from __future__ import annotations

from typing import Any

import pytest

from harness.formats.evidence import Progress
from harness.formats.mlperf.mllog import Line
from harness.formats.mlperf.training_log import reached

STOP = Line("run_stop", metadata={"status": "success", "step_num": 8000})
BATCH = Line("global_batch_size", 256)


def evaluation(value: float, **metadata: Any) -> Line:
    return Line("eval_accuracy", value, metadata=metadata)


def both(count: int, fid: float, clip: float) -> list[Line]:
    return [
        evaluation(fid, samples_count=count, metric="FID"),
        evaluation(clip, samples_count=count, metric="CLIP"),
    ]


DIFFUSION = [
    BATCH,
    *both(1024000, 113.10697035307106, 0.137837752699852),
    *both(1536000, 90.80931484542555, 0.16126911342144012),
    *both(2048000, 84.20111464624688, 0.1657453030347824),
]


def test_two_metrics_count_at_the_first_count_at_which_both_pass() -> None:
    later = both(2560000, 95.0, 0.17)
    for lines in ([*DIFFUSION, *later, STOP], [STOP, *later, *reversed(DIFFUSION)]):
        quality, progress = reached(lines, "stable_diffusion")
        assert quality is not None
        found = [(item.metric, item.value, item.target) for item in quality.all]
        assert found == [("FID", 84.20111464624688, 90), ("CLIP", 0.1657453030347824, 0.15)]
        assert progress == ("samples_count", 2048000)


def test_metrics_that_pass_at_two_counts_pass_at_none() -> None:
    quality, progress = reached(
        [*both(1, 80.0, 0.1), *both(2, 100.0, 0.2), STOP], "stable_diffusion"
    )
    assert quality is not None
    assert [item.value for item in quality.all] == [100.0, 0.2]
    assert progress == ("samples_count", 2)


@pytest.mark.parametrize("lines", [[], [evaluation(84.2, samples_count=2048000)], DIFFUSION[1::2]])
def test_one_metric_of_two_is_no_quality_and_the_stop_tells_the_steps(lines: list[Line]) -> None:
    assert reached([BATCH, *lines, STOP], "stable_diffusion") == (None, ("samples_count", 2048000))


def test_the_last_evaluation_before_the_stop_counts_and_not_the_stop() -> None:
    """An evaluation at 172,000 samples, and a stop that counts whole batches of 32."""
    stop = Line("run_stop", metadata={"status": "success", "samples_count": 172032})
    lines = [evaluation(3.4, samples_count=160000), evaluation(3.29, samples_count=172000), stop]
    quality, progress = reached([*lines, evaluation(2.0, samples_count=9)], "llama31_8b")
    assert progress == ("samples_count", 172000)
    assert quality is not None
    assert (quality.value, quality.target) == (3.29, 3.3)


@pytest.mark.parametrize(
    ("metadata", "batch", "progress"),
    [
        ({"epoch_num": 4, "step_num": 9}, BATCH, ("epoch_num", 4)),
        ({"step_num": 8000}, BATCH, ("samples_count", 2048000)),
        ({"step_num": 8000}, Line("global_batch_size", "many"), ("step_num", 8000)),
        ({"step_num": 1e18}, Line("global_batch_size", 1e18), ("step_num", 1e18)),
        ({"samples_count": "nan", "epoch_num": -1}, BATCH, ("samples_count", 2048000)),
        ("", BATCH, ("samples_count", 2048000)),
    ],
)
def test_what_an_evaluation_counts(metadata: Any, batch: Line, progress: Progress | None) -> None:
    assert (
        reached([batch, Line("eval_accuracy", 0.5, metadata=metadata), STOP], "retinanet")[1]
        == progress
    )


def test_a_log_that_states_nothing() -> None:
    assert reached([], "bert") == (None, None)
    assert reached([Line("eval_accuracy", {"BBOX": 0.4}), Line("run_stop")], "maskrcnn") == (
        None,
        None,
    )
