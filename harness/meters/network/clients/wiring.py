"""How the elements of a power analyzer are wired, which says what their sum is of.

Yokogawa's analyzers answer `:INPUT:WIRING?` with one word for each wiring unit, like `P3W4` or
`P1W3,P1W2`. A unit takes the next elements in turn; the sum (SIGMA) is of the first unit. A WT330
has one unit, and wires two elements as 1 and 3, which are all that a WT332 has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.core.errors import shorten

SIZES = {"P1W2": 1, "P1W3": 2, "P3W3": 2, "P3W4": 3, "V3A3": 3}
"""Elements of a wiring unit: phases and wires, or voltages and currents."""
THREE_VOLTAGES = "V3A3"
"""Three wires measured three times: the sum is that of two elements, as of `P3W3`."""
NO_UNIT = ("", "NONE")
_OUTER_PAIR = re.compile(r"WT33\d")


@dataclass(frozen=True, slots=True)
class Wiring:
    """How elements are wired.

    Attributes:
        text: The answer of the analyzer.
        elements: Elements that the sum is of.
        meaningless: Element whose power is that of no feed; None where all are of one.
    """

    text: str
    elements: tuple[int, ...]
    meaningless: int | None = None

    @property
    def size(self) -> int:
        """How many elements the sum is of."""
        return len(self.elements)


def parse_wiring(text: str, model: str) -> Wiring | None:
    """Return the wiring that an analyzer states; None where it is none that is known.

    Args:
        text: Its answer.
        model: Model of the analyzer.
    """
    words = [word.strip().upper() for word in text.split(",")]
    units = [word for word in words if word not in NO_UNIT]
    if not units or any(word not in SIZES for word in units):
        return None
    shown, first = shorten(",".join(units), 40), units[0]
    pair, odd = ((1, 3), 2) if _OUTER_PAIR.search(model.upper()) else ((1, 2), 3)
    if first == THREE_VOLTAGES:
        return Wiring(shown, pair, meaningless=odd)
    return Wiring(shown, pair if SIZES[first] == 2 else tuple(range(1, SIZES[first] + 1)))
