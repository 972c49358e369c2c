"""`column_fault` agrees with the item rules of the schema, and checks what these cannot state."""

from __future__ import annotations

import math
from itertools import pairwise

import jsonschema
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from harness.core.schemas import schema
from harness.traces.trace import T_MAX_NS, T_MIN_NS, VALUE_MAX, column_fault

ITEM_RULES = jsonschema.Draft202012Validator(schema("power-trace")["$defs"]["columns"])
COLUMN = {"power": "power_w", "energy": "energy_j"}
LIMIT = {"power": VALUE_MAX, "energy": VALUE_MAX * 1e6}

times = st.one_of(
    st.integers(T_MIN_NS, T_MAX_NS),
    st.sampled_from(
        [
            T_MIN_NS - 1,
            T_MIN_NS,
            T_MIN_NS + 1,
            T_MAX_NS - 1,
            T_MAX_NS,
            T_MAX_NS + 1,
            -(2**63),
            2**63 - 1,
        ]
    ),
)
values = st.one_of(
    st.floats(0, 1e4),
    st.floats(),
    st.sampled_from(
        [-0.0, -5e-324, *(math.nextafter(x, y) for x in LIMIT.values() for y in (0, x, math.inf))]
    ),
)
columns_of_time = st.one_of(
    st.lists(times, max_size=6), st.lists(times, max_size=6, unique=True).map(sorted)
)


def _allowed(t_ns: list[int], value: list[float], quantity: str) -> bool:
    return (
        ITEM_RULES.is_valid({"t_ns": t_ns, COLUMN[quantity]: value})
        and len(t_ns) == len(value)
        and all(a < b for a, b in pairwise(t_ns))
        and all(math.isfinite(v) for v in value)
    )


@given(
    columns_of_time,
    st.lists(values, max_size=6),
    st.sampled_from(["power", "energy"]),
    st.booleans(),
)
@example([], [], "power", False)
@example([T_MIN_NS, T_MAX_NS], [0.0, VALUE_MAX], "power", False)
@example([T_MIN_NS, T_MAX_NS], [0.0, VALUE_MAX * 1e6], "energy", False)
@example([0, 1], [1.0, math.nan], "power", False)
@example([0, 1], [math.inf, 1.0], "energy", False)
@example([1, 1], [1.0, 1.0], "power", False)
@example([2, 1], [1.0, 1.0], "power", False)
@example([1, 2], [1.0], "power", False)
@example([-(2**63), 2**63 - 1], [1.0, 1.0], "power", False)
def test_column_fault_agrees_with_the_schema(
    t_ns: list[int], value: list[float], quantity: str, cut: bool
) -> None:
    if cut:  # columns of one length by chance are rare
        t_ns, value = t_ns[: len(value)], value[: len(t_ns)]
    fault = column_fault(np.array(t_ns, np.int64), np.array(value, np.float64), quantity)
    assert (fault is None) == _allowed(t_ns, value, quantity), fault


@given(
    st.lists(times, max_size=6, unique=True).map(sorted),
    st.data(),
    st.sampled_from(["power", "energy"]),
)
def test_good_columns_pass_both(t_ns: list[int], data: st.DataObject, quantity: str) -> None:
    t_ns = [t for t in t_ns if T_MIN_NS <= t <= T_MAX_NS]
    value = data.draw(
        st.lists(st.floats(0, LIMIT[quantity]), min_size=len(t_ns), max_size=len(t_ns))
    )
    assert column_fault(np.array(t_ns, np.int64), np.array(value, np.float64), quantity) is None
    assert _allowed(t_ns, value, quantity)
