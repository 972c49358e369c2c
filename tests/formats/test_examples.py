"""The examples in docstrings of readers print what they state."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "harness.core.numbers",
    "harness.formats.csv_dialect",
    "harness.formats.mlperf.power_columns",
    "harness.formats.mlperf.tiny_files.log",
    "harness.formats.power_log.cells",
    "harness.formats.ptdaemon.rounding",
    "harness.formats.ptdaemon.spl_table",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    module = importlib.import_module(name)
    results = doctest.testmod(module, extraglobs={"np": importlib.import_module("numpy")})
    assert results.attempted > 0
    assert results.failed == 0
