"""Numbers in lines that differ only in digits are those that Python reads there."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.formats.ptdaemon.fixed_width import digit_positions, group_by_template, numbers

DIGITS = st.tuples(st.integers(1, 8), st.integers(0, 7))


@given(
    st.lists(DIGITS, min_size=1, max_size=4), st.integers(1, 12), st.randoms(use_true_random=False)
)
def test_numbers_are_those_of_the_text(
    digits: list[tuple[int, int]], count: int, random: object
) -> None:
    rows = [[(_text(random, a), _text(random, b)) for a, b in digits] for _ in range(count)]
    lines = [",".join(f"x{whole}.{part}" for whole, part in row) for row in rows]
    content = "\n".join(lines).encode()
    stop = np.cumsum([len(line) + 1 for line in lines]) - 1
    start = np.append(0, stop[:-1] + 1)
    whole, part, at = [], [], 0
    for a, b in digits:
        whole.append((at + 1, at + 1 + a))
        part.append((at + 2 + a, at + 2 + a + b))
        at += 3 + a + b
    where = digit_positions(tuple(whole), tuple(part))
    (group,) = group_by_template(content, start, stop)
    assert group.varies_only_at(where)
    assert group.line_numbers.tolist() == list(range(count))
    expected = [[float(whole + part) for whole, part in row] for row in rows]
    assert numbers(group, where).T.tolist() == expected


def _text(random: object, length: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(length))  # type: ignore[attr-defined]


@given(
    st.lists(
        st.sampled_from([b"a1b", b"a2b", b"axb", b"c1b", b"a1", b"a11b", b""]),
        min_size=1,
        max_size=12,
    )
)
def test_lines_of_a_group_differ_in_digits_alone(lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    stop = np.cumsum([len(line) + 1 for line in lines]) - 1
    start = np.append(0, stop[:-1] + 1)
    seen: list[int] = []
    for group in group_by_template(content, start, stop):
        masked = {
            lines[k].translate(bytes.maketrans(b"0123456789", b"0" * 10))
            for k in group.line_numbers
        }
        assert len(masked) == 1
        assert group.first == lines[group.line_numbers[0]]
        seen += group.line_numbers.tolist()
    assert sorted(seen) == list(range(len(lines)))
