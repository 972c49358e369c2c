"""Build SVG: elements with escaped texts, and axes with round ticks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.render.escape import escape
from harness.site.numbers import Scale, significant

if TYPE_CHECKING:
    from markupsafe import Markup

LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 44
"""Margins around a plot [pixels]."""
COORDINATES = ("d", "points")
"""Attributes that hold our own numbers only, of any length."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot with the data behind it.

    Attributes:
        title: What it shows.
        caption: How to read it.
        svg: The picture.
        head: Names of the columns of its data.
        rows: Its data, as text.
    """

    title: str
    caption: str
    svg: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def element(name: str, content: str = "", **attributes: object) -> str:
    """Return an element; an underscore in the name of an attribute stands for a hyphen.

    Args:
        name: Its name.
        content: What is inside, as markup.
        attributes: Its attributes; `css` is its class.
    """
    parts = [name]
    for key, value in attributes.items():
        attribute = "class" if key == "css" else key.replace("_", "-")
        if isinstance(value, float):
            shown = f"{value:.5g}"
        elif key in COORDINATES:
            shown = str(value)
        else:
            shown = escape(value, "html")
        parts.append(f'{attribute}="{shown}"')
    opening = " ".join(parts)
    return f"<{opening}>{content}</{name}>" if content else f"<{opening}/>"


def text(x: float, y: float, content: str, css: str = "", anchor: str = "start") -> str:
    """Return a text; `content` is escaped."""
    return element("text", escape(content, "html"), x=x, y=y, css=css, text_anchor=anchor)


def titled(content: str, title: str) -> str:
    """Return a group that shows a title where the pointer rests on it."""
    return element("g", element("title", escape(title, "html")) + content)


def picture(width: float, height: float, label: str, parts: Sequence[str]) -> Markup:
    """Return the picture.

    Args:
        width: Its width [pixels].
        height: Its height [pixels].
        label: What it shows, for those who do not see it.
        parts: Its elements.
    """
    from markupsafe import Markup

    content = element(
        "svg",
        "".join(parts) or element("g"),
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        css="plot",
    )
    return Markup(content)  # every text in it went through `escape`


@dataclass(frozen=True, slots=True)
class Frame:
    """The axes of a plot.

    Attributes:
        width: Width of the picture [pixels].
        height: Its height [pixels].
        x: Scale from left to right.
        y: Scale from bottom to top.
    """

    width: float
    height: float
    x: Scale
    y: Scale

    def left(self, value: float) -> float:
        """Return the abscissa of a value."""
        return LEFT + self.x.at(value)

    def top(self, value: float) -> float:
        """Return the ordinate of a value."""
        return self.height - BOTTOM - self.y.at(value)

    def axes(self, x_label: str, y_label: str) -> Iterator[str]:
        """Yield grid lines, ticks and labels."""
        floor = self.height - BOTTOM
        for tick in self.y.ticks():
            y = self.top(tick)
            yield element("path", d=f"M{LEFT} {y:.1f}H{self.width - RIGHT}", css="grid")
            yield text(LEFT - 8, y + 4, significant(tick, 3), "tick", "end")
        for tick in self.x.ticks():
            x = self.left(tick)
            yield element("path", d=f"M{x:.1f} {TOP}V{floor}", css="grid")
            yield text(x, floor + 18, significant(tick, 3), "tick", "middle")
        middle = (LEFT + self.width - RIGHT) / 2
        yield text(middle, self.height - 6, x_label, "label", "middle")
        yield text(4, 11, y_label, "label")


def frame(
    width: float, height: float, x_values: Sequence[float], y_values: Sequence[float]
) -> Frame:
    """Return axes that hold all values."""
    return Frame(
        width,
        height,
        Scale.around(x_values, width - LEFT - RIGHT),
        Scale.around(y_values, height - TOP - BOTTOM),
    )
