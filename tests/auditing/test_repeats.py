"""Windows of readings that one trace has from another."""

import numpy as np

from harness.auditing.repeats import WINDOW_READINGS, hash_windows


def test_windows_of_equal_readings_in_another_order_have_other_hashes() -> None:
    value = np.arange(100.0, 100.0 + WINDOW_READINGS)
    assert hash_windows(value, 1).hashes != hash_windows(value[::-1].copy(), 1).hashes


def test_the_sample_of_a_long_trace_is_found_again_in_its_copy() -> None:
    """Of 8 windows about one is kept, by what is read and not by where it begins."""
    value = np.random.default_rng(5).uniform(100, 200, 4000)
    windows, of_copy = hash_windows(value, 1), hash_windows(value[3:], 1)
    assert 350 < len(windows.hashes) < 650
    kept = windows.begins >= 3
    assert np.array_equal(windows.hashes[kept], of_copy.hashes)
    assert np.array_equal(windows.begins[kept] - 3, of_copy.begins)
