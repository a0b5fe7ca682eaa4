"""A pipeline as a Mermaid flowchart, which GitHub, GitLab and many editors draw."""

from __future__ import annotations

import itertools
import re
from collections.abc import Generator, Iterator, Sequence

import attrs

from stomper_sdk.reports.graph import Box, Drawing

__all__ = ["mermaid"]

#: What Mermaid could read as syntax, a directive, HTML or Markdown, wherever it stands or as a line's start.
_SPECIAL = re.compile(r"[^\w ,()→=-]|^[\d=-]|\b_|_\b")


def mermaid(drawing: Drawing) -> str:
    """The text of the flowchart; every label is quoted, and what could be read as syntax escaped."""
    chart = _Chart()
    lines = list(chart.column(drawing.boxes, "  "))
    return "\n".join(["flowchart TD", *lines, *(f"  {link}" for link in chart.links)])


@attrs.frozen
class _Chart:
    """The names that are taken, and the arrows between them, which come last."""

    numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))
    links: list[str] = attrs.field(factory=list)

    def column(self, boxes: Sequence[Box], indent: str) -> Generator[str, None, list[str]]:
        """The boxes one below the other; returns their names."""
        names = []
        for box in boxes:
            names.append(f"n{next(self.numbers)}")
            yield from self.box(box, names[-1], indent)
        self.links.extend(f"{above} --> {below}" for above, below in itertools.pairwise(names))
        return names

    def box(self, box: Box, name: str, indent: str) -> Iterator[str]:
        if not box.inner:
            text = "<br/>".join(_label(line) for line in (box.title, *box.lines))
            yield f'{indent}{name}("{text}")' if box.kind == "values" else f'{indent}{name}["{text}"]'
            return
        yield f'{indent}subgraph {name}["{_label(", ".join((box.title, *box.lines)))}"]'
        yield f"{indent}  direction TB"
        names = yield from self.column(box.inner, f"{indent}  ")
        yield f"{indent}end"
        if box.again:
            self.links.append(f'{names[-1]} -. "{_label(box.again)}" .-> {names[0]}')


def _label(text: str) -> str:
    """The text, each special character as the number that Mermaid reads as that character."""
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", text)
