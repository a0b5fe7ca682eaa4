"""A pipeline as an SVG: drawn without any program, readable in light and dark, by screen readers too."""

from __future__ import annotations

import hashlib
import html
import textwrap
from collections.abc import Iterator, Sequence

import attrs

from stomper_sdk.reports.graph import Box, Drawing
from stomper_sdk.reports.layout import columns_of

__all__ = ["svg"]

# Pixels. A character's width is that of the widest of the usual monospace fonts.
_CHARACTER, _LINE = 7.9, 18
_PAD, _GAP, _EDGE = 12, 22, 16
_AGAIN, _HEAD = 30, 6
_COLUMNS = 68
_TITLE_COLUMNS, _TITLE_SCALE = 54, 1.25

_STYLE = """
.{id} text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}}
.{id} .title{{font-weight:600}}
.{id} .name{{font-size:16px;font-weight:600}}
.{id} .soft{{fill:#59636e}}
.{id} rect,.{id} path{{fill:none;stroke:#8c959f}}
.{id} .paper{{fill:#fff;stroke:none}}
.{id} .stage{{fill:#f6f8fa}}
.{id} .values{{fill:#ddf4ff;stroke:#54aeff}}
.{id} .for_each_file{{fill:#fff}}
.{id} .attempt{{fill:#fff8c5;stroke:#d4a72c}}
.{id} .main{{fill:#dafbe1;stroke:#4ac26b;stroke-dasharray:5 3}}
.{id} .arrow{{stroke:#59636e}}
.{id} .head{{fill:#59636e;stroke:none}}
@media (prefers-color-scheme:dark){{
.{id} text{{fill:#e6edf3}}
.{id} .soft{{fill:#9ea7b3}}
.{id} rect,.{id} path{{stroke:#656c76}}
.{id} .paper{{fill:#0d1117}}
.{id} .stage{{fill:#212830}}
.{id} .values{{fill:#121d2f;stroke:#1f6feb}}
.{id} .for_each_file{{fill:#0d1117}}
.{id} .attempt{{fill:#272115;stroke:#9e6a03}}
.{id} .main{{fill:#12261e;stroke:#2ea043}}
.{id} .arrow{{stroke:#9ea7b3}}
.{id} .head{{fill:#9ea7b3}}
}}"""


def svg(drawing: Drawing) -> str:
    """The image as one element that asks for nothing else, neither fonts nor scripts."""
    name = f"stomper-{hashlib.sha256(repr(drawing).encode()).hexdigest()[:8]}"
    title, about = textwrap.wrap(drawing.title, _TITLE_COLUMNS), _wrapped(drawing.description)
    column = [_measured(box) for box in drawing.boxes]
    width = max(_text_width(title, _TITLE_SCALE), _text_width(about), *(block.width for block in column), 200)
    top = _EDGE + _LINE * (len(title) + len(about)) + _PAD
    height = top + _stack_height(column) + _EDGE
    total = width + 2 * _EDGE
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc" '
            f'viewBox="0 0 {total:g} {height:g}" width="{total:g}" height="{height:g}">',
            f'<title id="{name}-title">{_escaped(f"Pipeline {drawing.title}")}</title>',
            f'<desc id="{name}-desc">{_escaped(_told(drawing))}</desc>',
            f"<style>{_STYLE.format(id=name)}</style>",
            f'<rect class="paper" width="{total:g}" height="{height:g}"/>',
            *_lines(title, "name", _EDGE),
            *_lines(about, "soft", _EDGE + _LINE * len(title)),
            *_stacked(column, _EDGE, top, width),
            "</svg>",
        )
    )


@attrs.frozen
class _Block:
    """A box with its size; `head` and `foot` are its lines of text, above and below what is in it."""

    box: Box
    head: tuple[str, ...]
    foot: tuple[str, ...]
    inner: tuple[_Block, ...]
    width: float
    height: float


def _measured(box: Box) -> _Block:
    inner = tuple(_measured(each) for each in box.inner)
    head = tuple(line for text in (box.title, *box.lines) for line in _wrapped(text))
    if inner:
        head = tuple(_wrapped(" · ".join((box.title, *box.lines))))
    foot = tuple(_wrapped(box.again))
    side = _AGAIN if box.again else 0
    width = max(_text_width(head), _text_width(foot), *(block.width + side for block in inner), 0) + 2 * _PAD
    height: float = _LINE * (len(head) + len(foot)) + 2 * _PAD - 4
    if inner:
        height += _stack_height(inner) + _HEAD + (8 if foot else 0)
    return _Block(box, head, foot, inner, width, height)


def _stack_height(blocks: Sequence[_Block]) -> float:
    return sum(block.height for block in blocks) + _GAP * (len(blocks) - 1)


def _stacked(blocks: Sequence[_Block], x: float, y: float, width: float) -> Iterator[str]:
    """Blocks of one width below each other, with arrows between them."""
    for number, block in enumerate(blocks):
        yield from _drawn(block, x, y, width)
        y += block.height + _GAP
        if number + 1 < len(blocks):
            middle = x + width / 2
            yield f'<path class="arrow" d="M{middle:g} {y - _GAP + 1:g}V{y - 6:g}"/>'
            yield f'<path class="head" d="M{middle - 4:g} {y - 8:g}h8l-4 7z"/>'


def _drawn(block: _Block, x: float, y: float, width: float) -> Iterator[str]:
    kind = block.box.kind
    if kind == "for_each_file":
        # What is behind it says that there are several of them at a time.
        yield from (_rect(kind, x + shift, y + shift, width, block.height) for shift in (6, 3))
    yield _rect(kind, x, y, width, block.height)
    for number, line in enumerate(block.head):
        yield _text(line, x + _PAD, y + _PAD + 11 + _LINE * number, "soft" if number else "title")
    if not block.inner:
        return
    top = y + _PAD + _LINE * len(block.head) + _HEAD - 2
    side = _AGAIN if block.box.again else 0
    yield from _stacked(block.inner, x + _PAD, top, width - 2 * _PAD - side)
    bottom = top + _stack_height(block.inner)
    if block.box.again:
        first, last = block.inner[0], block.inner[-1]
        right = x + width - _PAD - side
        yield from _back(right, bottom - last.height / 4, top + first.height / 4)
    for number, line in enumerate(block.foot):
        yield _text(line, x + _PAD, bottom + 20 + _LINE * number, "soft")


def _back(x: float, below: float, above: float) -> Iterator[str]:
    """The arrow from the last stage of an attempt to the first."""
    out = _AGAIN - 8
    yield (
        f'<path class="arrow" d="M{x:g} {below:g}h{out - 8:g}q8 0 8 -8V{above + 8:g}q0 -8 -8 -8H{x + 7:g}"/>'
        f'<path class="head" d="M{x + 1:g} {above:g}l7 -4v8z"/>'
    )


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>'


def _lines(lines: Sequence[str], kind: str, y: float) -> Iterator[str]:
    return (_text(line, _EDGE, y + 14 + _LINE * number, kind) for number, line in enumerate(lines))


def _text(line: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{_escaped(line)}</text>'


def _wrapped(text: str) -> list[str]:
    """Lines of a width that a page can show; a word that is longer is broken."""
    return textwrap.wrap(text, _COLUMNS)


def _text_width(lines: Sequence[str], scale: float = 1) -> float:
    return max(map(columns_of, lines), default=0) * _CHARACTER * scale


def _told(drawing: Drawing) -> str:
    """The drawing in words."""
    return ". ".join(filter(None, (drawing.description, *map(_told_box, drawing.boxes))))


def _told_box(box: Box) -> str:
    inner = "; ".join(map(_told_box, box.inner))
    told = ", ".join((box.title, *box.lines)) + (f": {inner}" if inner else "")
    return f"{told} ({box.again})" if box.again else told


def _escaped(text: str) -> str:
    return html.escape(text)
