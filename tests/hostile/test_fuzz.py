"""Damage by chance, in every file that is read: whatever comes, it is a result, a finding, or an error for a person.

`python -m benchmarks.fuzz PARSER` does the same for hours, steered by coverage; what it met stands below.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.mutations import mutate
from tests.hostile.targets import PARSERS, target

LIMITS = settings(
    max_examples=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.mark.parametrize("parser", PARSERS)
def test_the_valid_file_is_read(parser: str) -> None:
    valid, read = target(parser)
    read(valid)


@pytest.mark.parametrize("parser", PARSERS)
def test_damage(parser: str) -> None:
    valid, read = target(parser)

    @LIMITS
    @given(st.integers(0, 2**32))
    def damaged(seed: int) -> None:
        read(mutate(valid, seed))

    damaged()


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\n", b"{}", b"[]", b"null", b"\xff\xfe{\0}\0", b"\xef\xbb\xbf", b"," * 1000, b"[" * 5000]
)
def test_next_to_nothing(parser: str, content: bytes) -> None:
    target(parser)[1](content)


def put(parser: str, old: bytes, new: bytes) -> bytes:
    valid, _ = target(parser)
    assert old in valid
    return valid.replace(old, new, 1)


ESTIMATE = b'"key": "interconnect_power_est", "value": '
READING = b'"power_reading", "value": '
CLOCK = b"# clock: ["
FOUND = {
    "a reading stamped at 1e308 ms": ("node", lambda: put("node", b'"time_ms": ', b'"time_ms": 1e308, "x": ')),
    "a switch of 1e308 W": ("switch", lambda: put("switch", ESTIMATE, ESTIMATE + b'1e308, "x": ')),
    "a scaling factor of the smallest double": ("scaling", lambda: b'{"scaling_factor": 5e-324}'),
    "a reading of 1e308 W in file order": ("node", lambda: put("node", READING, READING + b'1e308, "x": ')),
    "nodes beyond 1e308": ("training-system", lambda: b'{"number_of_nodes": 1' + b"0" * 400 + b"}"),
    "a count of the smallest double": (
        "detail",
        lambda: target("detail")[0] + b':::MLLOG {"key": "result_query_count", "value": 5e-324}\n',
    ),
    "a count beyond 1e308": (
        "detail",
        lambda: target("detail")[0] + b':::MLLOG {"key": "result_query_count", "value": 1.7e308}\n',
    ),
    "one line of empty cells": ("spl", lambda: b"Time,07-23-2024 15:47:16.858,Watts,,Volts,,Amps,,PF,,Mark,x\n"),
    "a journal of no object": ("journal", lambda: b"# joulemark-samples: []\n"),
    "a journal of no list": ("journal", lambda: b'# joulemark-samples: {"channels": 1.5}\n'),
    "a clock line of two": ("journal", lambda: put("journal", CLOCK, CLOCK + b"1,2]\n" + CLOCK)),
    "a clock line beyond 64 bits": ("journal", lambda: put("journal", CLOCK, CLOCK + b"1e300,1,1]\n" + CLOCK)),
    "a fault nested without end": ("journal", lambda: put("journal", b'"busy"', b"[" * 100_000)),
    "a channel before the first": ("journal", lambda: put("journal", b"\n0,", b"\n-1,")),
    "hours whose sum is infinite": (
        "clean-csv",
        lambda: b"energy_kwh,clean_kwh,g_per_kwh\n" + b"1.7e308,1,400\n" * 2,
    ),
    "an uncertainty without end": ("footprint", lambda: put("footprint", b'"u_ln": ', b'"u_ln": 1e308, "x": ')),
    "a year beyond 64 bits": ("grid-csv", lambda: put("grid-csv", b"2022-10-30T23", b"9022-10-30T23")),
    "a line that ends in its middle": ("grid-csv", lambda: put("grid-csv", b"00:00,", b"00:00\r,")),
}
"""Damage that once met a fault of the harness."""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("parser", "damaged"), FOUND.values(), ids=FOUND.keys())
def test_what_fuzzing_found(parser: str, damaged: object) -> None:
    assert callable(damaged)
    content = damaged()
    for tail in (b"", b" ", b"\n", b"\n\n"):  # the whole path is taken for one content in four
        target(parser)[1](content + tail)
