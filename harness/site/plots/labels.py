"""Names beside the dots of a plot, where they cover neither a dot nor each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.site.plots.svg import LEFT, RIGHT, text

CHARACTER_WIDTH, LINE_HEIGHT = 6.3, 13.0
"""Size of a character of a name, on the safe side [pixels]."""
DOT = 5.0
"""Half the size of a dot, with room around it [pixels]."""
OFFSETS = ((8, 4), (-8, 4), (6, -9), (-6, -9), (6, 17), (-6, 17))
"""Where a name may begin (to the right) or end (to the left) beside its dot, the best first."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle that a name or a dot takes.

    Attributes:
        left: Its left edge [pixels].
        top: Its upper edge.
        right: Its right edge.
        bottom: Its lower edge.
    """

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, second: Box) -> bool:
        """Return whether two rectangles have an area in common."""
        side_by_side = self.right <= second.left or second.right <= self.left
        one_above_another = self.bottom <= second.top or second.bottom <= self.top
        return not (side_by_side or one_above_another)


def name_labels(dots: Sequence[tuple[float, float, str]], width: float) -> Iterator[str]:
    """Yield the name of each dot that has room for it; titles and tables have the others.

    Args:
        dots: Place and name of each dot, the most important first.
        width: Width of the picture [pixels].
    """
    occupied = [Box(x - DOT, y - DOT, x + DOT, y + DOT) for x, y, _ in dots]
    for x, y, name in dots:
        for dx, dy in OFFSETS:
            box = _box(x + dx, y + dy, name, is_left=dx < 0)
            is_inside = box.left >= LEFT and box.right <= width - RIGHT and box.top >= 0
            if is_inside and not any(box.overlaps(item) for item in occupied):
                occupied.append(box)
                yield text(x + dx, y + dy, name, "name", "end" if dx < 0 else "start")
                break


def _box(x: float, baseline: float, name: str, *, is_left: bool) -> Box:
    length = CHARACTER_WIDTH * len(name)
    left = x - length if is_left else x
    return Box(left, baseline - LINE_HEIGHT + 3, left + length, baseline + 3)
