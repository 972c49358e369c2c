"""The name that was probably meant is suggested."""

from __future__ import annotations

import pytest

from harness.core.suggestions import suggestion, unknown_name


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("rapi", "Did you mean rapl?"),
        ("NVML", "Did you mean nvml?"),
        ("geiger", ""),
        ("", ""),
        ("x" * 100_000, ""),
    ],
)
def test_suggestion(name: str, question: str) -> None:
    assert suggestion(name, ["rapl", "nvml", "hwmon"]) == question


def test_error_names_the_candidates_and_the_closest_one() -> None:
    error = unknown_name("no such meter", "rapi", ["rapl", "nvml"], fix="See `joulemark meters`.")
    assert str(error) == (
        "no such meter; got rapi, expected one of rapl, nvml. "
        "Did you mean rapl? See `joulemark meters`."
    )


def test_long_lists_are_cut() -> None:
    error = unknown_name("no such thing", "none", [f"name-{number}" for number in range(50)])
    assert str(error).count("name-") == 20
    assert ", ..." in str(error)
