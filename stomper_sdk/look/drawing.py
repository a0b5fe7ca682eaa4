"""What the plots have in common: colours, figures, and texts that cannot be taken for formulas."""

from __future__ import annotations

import io
from typing import Any

from stomper_sdk.extras import needed
from stomper_sdk.model.present import one_line

__all__ = ["BLUE", "COLORS", "GREEN", "GREY", "ORANGE", "VERMILION", "new_figure", "worded"]

# Okabe and Ito's colours, which people tell apart who see fewer (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREEN, VERMILION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"
COLORS = (
    *(BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", VERMILION, "#F0E442", GREY),
    *("#882255", "#44AA99"),
)
_TALLEST = 40


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure that nobody else holds, so that nothing keeps it or shows it by itself, and its axes."""
    base = needed("matplotlib.figure", "a plot", "notebook").Figure
    figure = type("Figure", (base,), {"_repr_png_": _as_png})(
        figsize=(width, min(height, _TALLEST)), layout="constrained"
    )
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def worded(text: str, limit: int = 60) -> str:
    """A text of anybody's as one line of a plot."""
    # A dollar sign would begin a formula.
    return one_line(text, limit).replace("$", r"\$")


def _as_png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
