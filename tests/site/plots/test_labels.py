"""Names of dots cover neither dots nor each other."""

from __future__ import annotations

import re

from harness.site.plots.labels import Box, name_labels


def texts(labels: list[str]) -> dict[str, tuple[float, float, str]]:
    """Return place and anchor of each label."""
    pattern = r'x="([\d.]+)" y="([\d.]+)" class="name" text-anchor="(\w+)">([^<]+)<'
    return {
        name: (float(x), float(y), anchor)
        for label in labels
        for x, y, anchor, name in re.findall(pattern, label)
    }


def test_name_stands_to_the_right_and_at_the_right_edge_to_the_left() -> None:
    labels = texts(list(name_labels([(100, 50, "first"), (570, 150, "second")], 580)))
    assert labels == {"first": (108, 54, "start"), "second": (562, 154, "end")}


def test_names_of_dots_at_one_place_stand_around_it() -> None:
    dots = [(300.0, 100.0, f"entry {number}") for number in range(6)]
    labels = texts(list(name_labels(dots, 580)))
    assert len(labels) == len({place[:2] for place in labels.values()}) == 6


def test_name_without_room_is_left_out() -> None:
    dots = [(300.0, 100.0, f"entry {number}") for number in range(9)]
    assert list(texts(list(name_labels(dots, 580)))) == [f"entry {n}" for n in range(6)]


def test_boxes_that_touch_do_not_overlap() -> None:
    box = Box(0, 0, 10, 10)
    assert box.overlaps(Box(9, 9, 20, 20))
    assert not box.overlaps(Box(10, 0, 20, 10))
    assert not box.overlaps(Box(0, 10, 10, 20))
