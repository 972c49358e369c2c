"""A pattern by a stranger is used only if it ends soon on any text."""

from __future__ import annotations

import pytest

from harness.core.patterns import ends_soon


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bcolou?r\b",
        r"\d+",
        "paris|london|rome",
        "(x|y){2,5}",
        "(?=a*)b",
        "WT500(?!0)|76020[0-9]",
        "(one|two) of (three|four)",
    ],
)
def test_a_plain_pattern_ends_soon(pattern: str) -> None:
    assert ends_soon(pattern, 4000)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "a*a*b",
        "a?" * 26 + "a" * 26,
        "(ab|a)" * 22 + "c",
        "a{0,9}" * 8 + "b",
        "(?:a?){60}",
        "((){65535}){65535}",
        r"(a)\1",
        "(?:ab|a){99}",
        "[",
        "[[a]",
        "(" * 5000,
        "a{99999999999999999999}",
    ],
    ids=lambda pattern: pattern[:12],
)
def test_a_pattern_of_many_ways_or_none_does_not(pattern: str) -> None:
    assert not ends_soon(pattern, 4000)
