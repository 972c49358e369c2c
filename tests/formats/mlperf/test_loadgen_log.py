"""LoadGen's values in the logs of each round: work, rate, scenario and round."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.formats.base import Quantity, Work
from harness.formats.mlperf import loadgen_log as log
from harness.formats.mlperf.accuracy import read_accuracy

AEDK_V1_0 = {
    "loadgen_version": ".5a1 @ ebcf131dc8",
    "effective_scenario": "SingleStream",
    "effective_samples_per_query": 1,
    "generated_query_count": 1200001,
    "generated_samples_per_query": 1,
    "result_qps_with_loadgen_overhead": 1161.28,
    "result_mean_latency_ns": 800449,
}
"""v1.0, Qualcomm, aedk, resnet50, SingleStream: a window of 600.002 s."""
GLORIA_V2_0 = {
    "loadgen_version": "2.0 @ 4cdfce0c5c",
    "effective_scenario": "MultiStream",
    "effective_samples_per_query": 8,
    "generated_query_count": 500001,
    "generated_samples_per_query": 8,
    "result_query_count": 275000,
}
RNNT_V2_1 = {
    "loadgen_version": "2.1",
    "effective_scenario": "Server",
    "result_query_count": 52801860,
    "result_scheduled_samples_per_sec": 88003.1,
    "result_completed_samples_per_sec": 87964.9,
}
LLAMA_V4_0 = {
    "loadgen_version": "4.0",
    "effective_scenario": "Server",
    "result_query_count": 33000,
    "result_scheduled_samples_per_sec": 54.0028,
    "result_completed_samples_per_sec": 53.0525,
    "result_token_throughput_with_loadgen_overhead": 15764.9,
    "result_token_throughput": 1.02285e-08,
}
SLIM = {
    "effective_scenario": "SingleStream",
    "effective_samples_per_query": 1,
    "result_query_count": 4742678,
    "result_mean_latency_ns": 118951,
    "early_stopping_latency_ss": 120438,
    "early_stopping_latency_ms": 128968,
    "result_90.00_percentile_latency_ns": 120428,
    "result_99.00_percentile_latency_ns": 128878,
}
GPTJ_V4_1 = {
    "effective_scenario": "Offline",
    "result_query_count": 1,
    "generated_query_count": 1,
    "generated_samples_per_query": 190080,
    "effective_performance_sample_count": 13368,
    "result_samples_per_second": 189.806,
    "result_inferred_tokens_per_second": 13096.6,
}
"""v4.1, NVIDIA, gptj-99, Offline: a window of 1056.448 s, 15 data sets of 13,368 samples."""
V4_0 = "mlperf-inference-v4.0"


def without(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


class TestWork:
    """What was done in the window."""

    def test_a_stream_that_counts_no_queries_did_not_do_all_that_were_planned(self) -> None:
        assert log.work(AEDK_V1_0, "SingleStream", 600.002) == Work(696770, "query")

    def test_mean_latency_tells_where_there_is_no_rate(self) -> None:
        values = without(AEDK_V1_0, "result_qps_with_loadgen_overhead")
        assert log.issued(values, 600.002) == (749582, "result_mean_latency_ns")

    def test_nothing_tells(self) -> None:
        values = without(AEDK_V1_0, "result_qps_with_loadgen_overhead", "result_mean_latency_ns")
        assert log.work(values, "SingleStream", 600.002) is None
        assert log.work(AEDK_V1_0, "SingleStream", None) is None

    def test_the_count_of_the_log_comes_first(self) -> None:
        assert log.issued(AEDK_V1_0 | {"result_query_count": 5}, 600.0) == (5, "result_query_count")
        assert log.work(GLORIA_V2_0, "MultiStream", 600.0) == Work(275000, "query")

    def test_latency_of_a_sample_says_nothing_of_a_query_of_eight(self) -> None:
        values = without(GLORIA_V2_0, "result_query_count") | {"result_mean_latency_ns": 1698831}
        assert log.issued(values, 600.0) is None
        values["result_mean_query_latency_ns"] = 2181818
        assert log.issued(values, 600.0) == (275000, "result_mean_query_latency_ns")

    def test_what_a_server_generated_it_issued(self) -> None:
        values = {"effective_scenario": "Server", "generated_query_count": 110990238}
        assert log.work(values, "Server", 600.0) == Work(110990238, "query")

    @pytest.mark.parametrize("rate", ["x", -1, 0, 1e300, float("nan"), None, [], True])
    def test_a_rate_that_is_none_counts_nothing(self, rate: Any) -> None:
        values = {"effective_scenario": "SingleStream", "result_qps_with_loadgen_overhead": rate}
        assert log.work(values, "SingleStream", 600.0) is None

    def test_completed_tokens_of_v4_0_are_those_of_scheduled_queries_times_what_was_completed(
        self,
    ) -> None:
        done = log.performance(LLAMA_V4_0, "Server", V4_0)
        assert done == Quantity(pytest.approx(15487.46, abs=0.05), "Tokens/s", "throughput")
        work = log.work(LLAMA_V4_0, "Server", 622.0)
        assert work == Work(pytest.approx(33000 * 15764.9 / 54.0028), "token")

    def test_stated_completed_tokens_come_first(self) -> None:
        stated = LLAMA_V4_0 | {"result_completed_tokens_per_second": 15000.0}
        assert log.performance(stated, "Server", V4_0) == Quantity(
            15000.0, "Tokens/s", "throughput"
        )

    def test_the_throughput_that_is_nonsense_is_never_used(self) -> None:
        values = without(LLAMA_V4_0, "result_token_throughput_with_loadgen_overhead")
        assert log.work(values, "Server", 622.0) == Work(33000, "query")


class TestServer:
    """Its metric changed in v4.1."""

    @pytest.mark.parametrize(
        ("name", "rate"),
        [
            ("mlperf-inference-v2.1", 88003.1),
            (V4_0, 88003.1),
            ("mlperf-inference-v4.1", 87964.9),
            ("mlperf-inference-v10.0", 87964.9),
            ("joulemark-2026", 87964.9),
            ("", 87964.9),
        ],
    )
    def test_the_rate_is_that_of_its_round(self, name: str, rate: float) -> None:
        assert log.performance(RNNT_V2_1, "Server", name) == Quantity(
            rate, "Queries/s", "throughput"
        )


class TestInferred:
    """One SingleStream run in several folders."""

    @pytest.mark.parametrize(
        ("ran", "folder", "found", "inferred"),
        [
            ("SingleStream", "singlestream", "SingleStream", False),
            ("SingleStream", "offline", "Offline", True),
            ("SingleStream", "multistream", "MultiStream", True),
            ("MultiStream", "Offline", "Offline", True),
            ("SingleStream", "server", "SingleStream", False),
            ("Offline", "singlestream", "Offline", False),
            ("MultiStream", "SingleStream", "MultiStream", False),
            ("Server", "Interactive", "Interactive", False),
            ("Offline", "Interactive", "Offline", False),
            ("Server", "whatever", "Server", False),
            ("", "Offline", "Offline", False),
            ("", "whatever", "whatever", False),
        ],
    )
    def test_the_folder_wins_where_mlperf_lets_it(
        self, ran: str, folder: str, found: str, inferred: bool
    ) -> None:
        values = {"effective_scenario": ran}
        assert log.scenario_of(values, folder) == found
        assert log.inferred(values, found) is inferred

    def test_offline_counts_samples_over_the_window(self) -> None:
        assert log.work(SLIM, "Offline", 600.0) == Work(4742678, "sample")
        rate = Quantity(pytest.approx(7904.463, abs=1e-3), "Samples/s", "throughput")
        assert log.performance(SLIM, "Offline", seconds=600.0) == rate
        assert log.work(GLORIA_V2_0, "Offline", 600.0) == Work(8 * 275000, "sample")
        for seconds in (None, 0.0, -0.5, -600.0):
            assert log.performance(SLIM, "Offline", seconds=seconds) is None

    def test_a_multistream_query_is_eight_of_singlestream(self) -> None:
        assert log.work(SLIM, "MultiStream", 600.0) == Work(4742678 / 8, "query")
        assert log.performance(SLIM, "MultiStream") == Quantity(8 * 0.128968, "ms", "latency")
        assert log.samples_per_query(SLIM, "MultiStream") == 8

    def test_what_ran_as_itself_stays(self) -> None:
        assert log.work(SLIM, "SingleStream", 600.0) == Work(4742678, "query")
        assert log.performance(SLIM, "SingleStream") == Quantity(0.120438, "ms", "latency")
        assert [
            log.samples_per_query(SLIM, "SingleStream"),
            log.samples_per_query(GLORIA_V2_0, "MultiStream"),
        ] == [
            1,
            8,
        ]


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (".5a1 @ ebcf131dc8", "mlperf-inference-v1.0"),
        ("1.1 @ b1452de454", "mlperf-inference-v1.1"),
        ("5.1.0 @ eb99cb9b", "mlperf-inference-v5.1"),
        ("", ""),
        ("x4.1", ""),
        ("9999999.1", ""),
        ("4.99999", ""),
    ],
)
def test_round_of_a_version_of_loadgen(version: str, name: str) -> None:
    assert log.round_of({"loadgen_version": version}) == name


class TestAccuracy:
    """What accuracy scripts print."""

    @pytest.mark.parametrize(
        ("benchmark", "text", "metric", "value", "target"),
        [
            (
                "llama3.1-8b",
                "{'rouge1': '38.4099', 'rouge2': '15.7616'}",
                "rouge1",
                38.4099,
                38.391408,
            ),
            ("llama2-70b-99", "{'rouge1': 44.5, 'rouge2': 22.1}", "rouge1", 44.5, 43.986888),
            (
                "stable-diffusion-xl",
                "Accuracy Results: {'FID_SCORE': '23.760687902048915', 'CLIP_SCORE': '31.783'}",
                "FID",
                23.760687902048915,
                None,
            ),
            (
                "llama3.1-405b",
                "{'exact_match': 90.10983785572468, 'rougeL': 21.889}",
                "exact_match",
                90.10983785572468,
                89.232165,
            ),
            ("bert-99", '{"exact_match": 83.67, "f1": 90.87}', "f1", 90.87, 89.96526),
            (
                "3d-unet-99.9",
                "Accuracy: mean = 0.85430, whole tumor = 0.9140, tumor core = 0.8691",
                "DICE of BraTS",
                0.8543,
                0.852147,
            ),
            (
                "3d-unet-99.9",
                "Accuracy: mean = 0.86170, kidney = 0.9347, tumor = 0.7887",
                "DICE",
                0.8617,
                0.8608383,
            ),
            ("rnnt", "Word Error Rate: 7.43%, accuracy=92.57%", "WER accuracy", 92.57, 91.62252),
            ("rgat", "accuracy=72.872%, good=574506, total=788379", "accuracy", 72.872, 72.1314),
            ("dlrm-99.9", "AUC=80.243%, accuracy=96.7%", "AUC", 80.243, 80.16975),
        ],
    )
    def test_number_and_target(
        self, benchmark: str, text: str, metric: str, value: float, target: float
    ) -> None:
        found = read_accuracy(text.encode(), benchmark)
        assert found is not None
        assert (found.metric, found.value, found.target) == (metric, value, target)

    @pytest.mark.parametrize(
        "text", ["{'rouge1': '1.2.3'}", "{'rouge1': ''}", "nothing", "{'exact_match': '.'}"]
    )
    def test_what_is_no_number_is_no_quality(self, text: str) -> None:
        assert read_accuracy(text.encode(), "llama3.1-8b") is None


class TestOfflineCounts:
    """Offline work is what was completed; LoadGen pads what was planned to whole data sets."""

    def test_a_padded_run_completed_more_than_was_planned(self) -> None:
        seconds = 1056.448
        samples = log.completed_samples(GPTJ_V4_1, seconds)
        assert samples == 15 * 13368
        tokens = log.work(GPTJ_V4_1, "Offline", seconds)
        assert tokens == Work(pytest.approx(13096.6 * seconds, rel=1e-5), "token")

    def test_without_the_size_of_the_data_set_the_rate_counts(self) -> None:
        values = without(GPTJ_V4_1, "effective_performance_sample_count")
        assert log.completed_samples(values, 1056.448) == pytest.approx(15 * 13368, rel=1e-5)

    def test_without_a_window_the_planned_count_is_all_there_is(self) -> None:
        assert log.completed_samples(GPTJ_V4_1, None) == 190080

    @given(
        planned=st.integers(1000, 10**9),
        data_set=st.integers(1, 50_000),
        is_padded=st.booleans(),
        seconds=st.floats(60, 10_000).map(lambda s: round(s, 3)),
        stamp_error=st.floats(-0.001, 0.001),
        counts_queries=st.booleans(),
    )
    def test_the_count_is_what_was_completed(
        self,
        planned: int,
        data_set: int,
        is_padded: bool,
        seconds: float,
        stamp_error: float,
        counts_queries: bool,
    ) -> None:
        padded = -(-planned // data_set) * data_set
        completed = padded if is_padded else planned
        rate = float(f"{completed / (seconds + stamp_error):.6g}")  # six digits, as LoadGen prints
        values = {
            "effective_scenario": "Offline",
            "result_query_count": 1 if counts_queries else planned,
            "generated_samples_per_query": planned if counts_queries else 1,
            "effective_performance_sample_count": data_set,
            "result_samples_per_second": rate,
        }
        samples = log.completed_samples(values, seconds)
        assert samples == pytest.approx(completed, rel=5e-5)
        if abs(padded - planned) > 1e-4 * planned or padded == planned:
            assert samples == completed
