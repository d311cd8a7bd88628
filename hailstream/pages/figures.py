"""Figures as a part of a page."""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from typing import Final

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

#: Colours of series in their order; told apart by the colour-blind too (Okabe and Ito, 2008).
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

#: Inches; at 72 points an inch the width of a page's column.
_WIDTH: Final = 9.0
_NAMED: Final = re.compile(r'(\bid="|url\(#|href="#)')


def new_figure(height: float = 3.6) -> Figure:
    """An empty figure of a page's width.

    Args:
        height: inches.
    """
    return Figure(figsize=(_WIDTH, height), layout="constrained")


def inline_svg(figure: Figure, name: str, told: str) -> Markup:
    """A figure as SVG inside a page, as wide as its place; the same figure gives the same text.

    Args:
        name: letters and digits, another one for each figure of a page.
        told: what it shows, for who cannot see it.
    """
    written = io.StringIO()
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    with _style():
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    drawn = written.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    head, body = drawn[: drawn.index(">") + 1], drawn[drawn.index(">") + 1 :]
    head = re.sub(r' (width|height)="[^"]*"', "", head).replace(
        "<svg ", f'<svg role="img" aria-label="{escape(told)}" ', 1
    )
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    return Markup(head + _NAMED.sub(rf"\g<1>{name}-", body))  # matplotlib escapes what it draws


def _style() -> AbstractContextManager[None]:
    return mpl.rc_context({"svg.hashsalt": "hailstream", "font.family": "DejaVu Sans"})
