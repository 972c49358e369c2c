"""Random damage in every file that is read gives a result, a finding, or a clear error.

`python -m benchmarks.fuzz PARSER` does the same for hours, guided by coverage; the inputs that it
found are listed below.
"""

from __future__ import annotations

import re
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.mutations import mutate
from tests.hostile.targets import PARSERS, target

LIMITS = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


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
    "content",
    [
        b"",
        b"\0",
        b"\n",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf",
        b"," * 1000,
        b"[" * 5000,
    ],
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
CLOCK_ERROR, EFFICIENCY, FACTOR = (
    b'"clock_error_s": ',
    b'"conversion_efficiency": ',
    b'"power_factor": ',
)
INTERVAL = b'"nominal_interval_s": '
SERIES = b"when,how\n"
FOUND = {
    "a reading stamped at 1e308 ms": (
        "node",
        lambda: put("node", b'"time_ms": ', b'"time_ms": 1e308, "x": '),
    ),
    "a switch of 1e308 W": ("switch", lambda: put("switch", ESTIMATE, ESTIMATE + b'1e308, "x": ')),
    "a scaling factor of the smallest double": ("scaling", lambda: b'{"scaling_factor": 5e-324}'),
    "a reading of 1e308 W in file order": (
        "node",
        lambda: put("node", READING, READING + b'1e308, "x": '),
    ),
    "nodes beyond 1e308": ("training-system", lambda: b'{"number_of_nodes": 1' + b"0" * 400 + b"}"),
    "a count of the smallest double": (
        "detail",
        lambda: target("detail")[0] + b':::MLLOG {"key": "result_query_count", "value": 5e-324}\n',
    ),
    "a count beyond 1e308": (
        "detail",
        lambda: target("detail")[0] + b':::MLLOG {"key": "result_query_count", "value": 1.7e308}\n',
    ),
    "an end 1e308 ms after the start": (
        "detail",
        lambda: re.sub(
            rb'("key": "power_end".*?"time_ms": )', rb'\g<1>1e308, "x": ', target("detail")[0]
        ),
    ),
    "one line of empty cells": (
        "spl",
        lambda: b"Time,07-23-2024 15:47:16.858,Watts,,Volts,,Amps,,PF,,Mark,x\n",
    ),
    "a journal of no object": ("journal", lambda: b"# joulemark-samples: []\n"),
    "a journal of no list": ("journal", lambda: b'# joulemark-samples: {"channels": 1.5}\n'),
    "a clock line of two": ("journal", lambda: put("journal", CLOCK, CLOCK + b"1,2]\n" + CLOCK)),
    "a clock line beyond 64 bits": (
        "journal",
        lambda: put("journal", CLOCK, CLOCK + b"1e300,1,1]\n" + CLOCK),
    ),
    "a clock line of infinity": (
        "journal",
        lambda: put("journal", CLOCK, CLOCK + b"1e400,1,1]\n" + CLOCK),
    ),
    "a fault nested without end": ("journal", lambda: put("journal", b'"busy"', b"[" * 100_000)),
    "a channel before the first": ("journal", lambda: put("journal", b"\n0,", b"\n-1,")),
    "hours whose sum is infinite": (
        "clean-csv",
        lambda: b"energy_kwh,clean_kwh,g_per_kwh\n" + b"1.7e308,1,400\n" * 2,
    ),
    "an uncertainty without end": (
        "footprint",
        lambda: put("footprint", b'"u_ln": ', b'"u_ln": 1e308, "x": '),
    ),
    "a year beyond 64 bits": (
        "grid-csv",
        lambda: put("grid-csv", b"2022-10-30T23", b"9022-10-30T23"),
    ),
    "a power of the smallest double": (
        "footprint",
        lambda: put("footprint", b'"value": 330', b'"value": 5e-324'),
    ),
    "a power of 1e300 W with a PUE that nobody knows": (
        "footprint",
        lambda: re.sub(
            rb'("pue": \{[^}]*"u_ln": )[\d.]+',
            rb"\g<1>10",
            put("footprint", b'"value": 330', b'"value": 1e300'),
        ),
    ),
    "a data file of an endless name": (
        "grid-document",
        lambda: put("grid-document", b"grid.csv", b"g" * 300),
    ),
    "a clock 1e308 s off": ("csv", lambda: put("csv", CLOCK_ERROR, CLOCK_ERROR + b'1e308, "x": ')),
    "an interval of 1e308 s": (
        "journal",
        lambda: put("journal", INTERVAL, INTERVAL + b'1e308, "x": '),
    ),
    "a window before year 1": (
        "incomplete",
        lambda: re.sub(
            rb'("start": ")[^"]*', rb"\g<1>0001-01-01T00:00:00+23:59", target("incomplete")[0]
        ),
    ),
    "a window in year 9999": (
        "incomplete",
        lambda: re.sub(
            rb'("stop": ")[^"]*', rb"\g<1>9999-12-31T23:59:59Z", target("incomplete")[0]
        ),
    ),
    "infinities of both signs": (
        "grid-csv",
        lambda: SERIES + b"2022-10-30T00:00,-inf\n2022-10-30T01:00,1e400\n",
    ),
    "a power factor of the smallest double": (
        "csv",
        lambda: put("csv", FACTOR, FACTOR + b'5e-324, "x": '),
    ),
    "an efficiency of 1e308": ("csv", lambda: put("csv", EFFICIENCY, EFFICIENCY + b'1e308, "x": ')),
    "a scrape at infinity": (
        "prometheus",
        lambda: put("prometheus", b"# scraped 1767607200", b"# scraped 1e400"),
    ),
    "replies before their request": (
        "endpoint-events",
        lambda: put("endpoint-events", b'"timestamp_ns": 2,', b'"timestamp_ns": 3000000000,'),
    ),
    "a chance of hundreds of digits": (
        "questions",
        lambda: put("questions", b'"chance": 0.1', b'"chance": 1' + b"0" * 400),
    ),
    "a grader that is a list": (
        "questions",
        lambda: put("questions", b'"grader": "choice"', b'"grader": ["choice"]'),
    ),
    "a class that is none": (
        "store-record",
        lambda: put("store-record", b'"measurement_class": "', b'"measurement_class": "x'),
    ),
    "half a pair of surrogates": (
        "anchors",
        lambda: put("anchors", b'"run-1"', rb'"\ud800"'),
    ),
    "a line that ends in its middle": ("grid-csv", lambda: put("grid-csv", b"00:00,", b"00:00\r,")),
}
"""Damage that once met a fault of the harness."""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("parser", "damaged"), FOUND.values(), ids=FOUND.keys())
def test_what_fuzzing_found(parser: str, damaged: object) -> None:
    assert callable(damaged)
    content = damaged()
    longer = (content + b"\n" * n for n in range(100))
    wholly = next(
        text for text in longer if not zlib.crc32(text) % 4
    )  # the whole path is taken for one in four
    target(parser)[1](content)
    target(parser)[1](wholly)
