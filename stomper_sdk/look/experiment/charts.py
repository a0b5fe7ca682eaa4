"""What a report draws of an experiment, as SVG of classes only; every drawing is told in words beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stomper_sdk.look.experiment.front import Point
from stomper_sdk.look.fragments import Html
from stomper_sdk.look.timeline import ticks

__all__ = ["reach", "scatter", "share"]

# Units of a drawing, each a pixel at its natural size.
_REACH, _SHARE = 200, 40
_LEFT, _WIDTH, _HEIGHT, _TOP, _BELOW = 52, 640, 300, 10, 24


def reach(
    value: float,
    low: float,
    high: float,
    ends: tuple[float, float],
    width: int = _REACH,
    *,
    sure: bool = True,
) -> Html:
    """A value with its interval, filled where sure, on a line whose ends, quarters and zero are marked."""
    first, last = ends

    def x(at: float) -> float:
        return 6 + (width - 12) * (min(max(at, first), last) - first) / (last - first)

    quarters = "".join(
        f'<line class="{"axis" if at else "zero"}" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="0" y2="14"/>'
        for at in (first + (last - first) * n / 4 for n in range(5))
    )
    return Html(
        f'<svg class="reach" viewBox="0 0 {width} 14" width="{width}" height="14" aria-hidden="true">'
        f'<rect class="lane" width="{width}" height="14"/>{quarters}'
        f'<line class="span" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="7" y2="7"/>'
        f'<circle class="{"sure" if sure else "open"}" cx="{x(value):.1f}" cy="7" r="4"/></svg>'
    )


def share(part: float) -> str:
    """A bar that is filled so far."""
    return (
        f'<svg class="share" viewBox="0 0 {_SHARE} 8" width="{_SHARE}" height="8" aria-hidden="true">'
        f'<rect class="lane" width="{_SHARE}" height="8"/>'
        f'<rect class="fixed" width="{_SHARE * min(part, 1):.1f}" height="8"/></svg>'
    )


def scatter(points: Mapping[str, Point], ranked: Sequence[str], best: frozenset[str], unit: str) -> str:
    """What each took against the share that it fixed, by its number; a line leads along the front."""
    most = max(taken for taken, _ in points.values()) or 1.0
    across, height = (_WIDTH - _LEFT - 20) / most, _HEIGHT - _TOP - _BELOW

    def place(point: Point) -> tuple[float, float]:
        return _LEFT + point[0] * across, _TOP + height * (1 - point[1])

    steps = ""
    for x, y in sorted(place(points[name]) for name in best):
        steps += f"H{x:.1f}V{y:.1f}" if steps else f"M{x:.1f} {y:.1f}"
    dots = "".join(
        _dot(place(points[name]), number, front=name in best) for number, name in enumerate(ranked, 1)
    )
    return (
        f'<svg role="img" aria-label="Findings fixed by {unit} for each finding, told by the table, too" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f'{"".join(_grid(most, across, height))}<path class="front" d="{steps}"/>{dots}</svg>'
    )


def _dot(place: tuple[float, float], number: int, *, front: bool) -> str:
    x, y = place
    return (
        f'<circle class="{"best" if front else "open"}" cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
        f'<text class="number" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{number}</text>'
    )


def _grid(most: float, across: float, height: float) -> Iterator[str]:
    for percent in range(0, 101, 20):
        y = _TOP + height * (1 - percent / 100)
        yield f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
    for amount in ticks(most):
        x = _LEFT + amount * across
        yield f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{amount:,.4g}</text>'
