"""spl.txt read as columns of bytes gives what its cells give; odd lines are read by cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.formats.ptdaemon import spl_table

NUMBER = st.builds(
    "{}{}.{}".format,
    st.sampled_from(["", "", "", "-"]),
    st.integers(0, 9999) | st.integers(0, 99_999_999),
    st.integers(0, 999_999).map("{:06}".format) | st.text("0123456789", min_size=1, max_size=7),
)
GROUP = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER).map(
    lambda n: ",Watts,{},Volts,{},Amps,{},PF,{}".format(*n)
)
STAMP = st.builds(
    "{:02}-{:02}-{:04} {:02}:{:02}:{:02}.{:03}".format,
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(1969, 2200),
    st.integers(0, 24),
    st.integers(0, 60),
    st.integers(0, 61),
    st.integers(0, 999),
)
MARK = st.sampled_from(["m", "2024-07-25_06-58-23_ranging", "Watts", "-1", "7.5"])


@st.composite
def usual(draw: st.DrawFn) -> bytes:
    """A file of one analyzer, of at most three channels."""
    mark, names = draw(MARK), draw(st.lists(st.integers(1, 12), max_size=3, unique=True))
    lines = [
        f"Time,{stamp}{groups[0]},Mark,{mark}"
        + "".join(f",Ch{n}{g}" for n, g in zip(names, groups[1:], strict=True))
        for stamp, groups in draw(
            st.lists(
                st.tuples(STAMP, st.lists(GROUP, min_size=1 + len(names), max_size=1 + len(names))),
                min_size=1,
                max_size=8,
            )
        )
    ]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return (end.join(lines) + draw(st.sampled_from(["", end, end + end]))).encode()


def agree(content: bytes) -> bool:
    """Whether both ways read a text, which then say the same."""
    found, expected = spl_table.read_columns(content), spl_table.read_cells(content)
    if found is None:
        return False
    assert expected is not None
    assert found.t_ns.tolist() == expected.t_ns.tolist()
    assert found.groups.shape == expected.groups.shape
    assert found.groups.tobytes() == np.ascontiguousarray(expected.groups).tobytes(), (
        "to the last bit, and its sign"
    )
    assert (found.names, found.marks, found.broken) == (
        expected.names,
        expected.marks,
        expected.broken,
    )
    assert list(found.watts) == list(expected.watts)
    return True


@given(usual())
def test_columns_of_bytes_say_what_the_cells_say(content: bytes) -> None:
    assert agree(content)


LINES = [
    f"Time,07-25-2024 11:06:3{n}.245,Watts,{w},Volts,116.7,Amps,4.5,PF,0.97,Mark,m,"
    f"Ch1,Watts,{w},Volts,1.0,Amps,1.0,PF,0.5"
    for n, w in enumerate(["999.9", "1000.1", "-1.000000", "1000.2"])
]


@given(
    st.integers(0, 600),
    st.integers(0, 3),
    st.binary(max_size=3) | st.text("0123456789.,-\n\reE", max_size=3).map(str.encode),
)
@example(0, 0, b" ")
def test_what_a_changed_byte_makes_odd_is_left_to_the_cells(at: int, cut: int, put: bytes) -> None:
    content = "\n".join(LINES).encode()
    content = content[:at] + put + content[at + cut :]
    if content == content.strip():
        agree(content)


@pytest.mark.parametrize(
    "change",
    [
        ("Ch1", "Ch2"),
        ("Mark,m", "Mark,n"),
        ("Watts", "watts"),
        ("1000.1", "nan"),
        ("1000.1", "1e3"),
        ("1000.1", ""),
        ("1000.1", "123456789.1"),
        ("1000.1", "1.12345678"),
        ("1000.1", "1000"),
        (",PF,0.97,", ",PF,0.97,,"),
        ("07-25-2024", "07/25/2024"),
        ("\n", "\n\n"),
        (".245", ".24\u0665"),
        ("Time,", "\nTime,cut\n"),
    ],
)
def test_lines_that_are_no_columns_of_digits(change: tuple[str, str]) -> None:
    text = "\n".join(LINES)
    at = text.index("\n")
    assert spl_table.read_columns(text.encode()) is not None
    assert not agree((text[:at] + text[at:].replace(*change, 1)).encode())


def test_lines_of_ever_new_forms_are_left_to_the_cells() -> None:
    rows = [
        f"Time,07-25-2024 11:06:30.245,Watts,{'1' * a}.0,Volts,{'1' * b}.0,Amps,{'1' * c}.0,PF,"
        f"0.5,Mark,m"
        for a in range(1, 9)
        for b in range(1, 9)
        for c in (1, 2)
    ]
    assert agree("\n".join(rows[: 2 * spl_table.MAX_LOOKS - 1]).encode())
    assert spl_table.read_columns("\n".join(rows).encode()) is None
