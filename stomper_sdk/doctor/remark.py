"""What the doctor has to say of one thing, and how it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import attrs

from stomper_sdk.errors import StomperError
from stomper_sdk.model.present import counted, one_line, visible
from stomper_sdk.reports.layout import wrapped

__all__ = ["Remark", "State", "remark_of", "remarks_text", "remarks_to_dict"]

State = Literal["ok", "warning", "problem"]
_MARGIN = 9
_NARROW = 60


@attrs.frozen
class Remark:
    """One thing that was looked at: how it is, and what mends it, a command where one does.

    With a `problem` a run does not get through; with a `warning` it does, but for less than one might think.
    """

    state: State
    what: str
    said: str
    remedy: str = ""


def remark_of(error: StomperError, what: str, state: State = "problem") -> Remark:
    """An error that a run would end with."""
    return Remark(state, what, error.message, error.hint)


def remarks_text(remarks: Sequence[Remark], width: int = 80) -> str:
    """A line for each, aligned where there is room for that, wrapped at `width` columns between words."""
    column = 0 if width < _NARROW else max((len(remark.what) for remark in remarks), default=0)
    lines = [line for remark in remarks for line in _lines(remark, width, column)]
    return "\n".join([*lines, "", _verdict(remarks)])


def remarks_to_dict(remarks: Sequence[Remark], exit_code: int) -> dict[str, Any]:
    """The document for programs."""
    return {"version": 1, "exit_code": exit_code, "remarks": [attrs.asdict(remark) for remark in remarks]}


def _lines(remark: Remark, width: int, column: int) -> Iterator[str]:
    name = f"{visible(remark.what):<{column}}  " if column else f"{visible(remark.what)}: "
    indent = _MARGIN + len(name) if column else _MARGIN
    yield wrapped(f"{remark.state:<{_MARGIN}}{name}{one_line(remark.said, 600)}", width, indent)
    if remark.remedy:
        yield wrapped(f"{'':{_MARGIN}}-> {one_line(remark.remedy, 600)}", width, _MARGIN + 3)


def _verdict(remarks: Sequence[Remark]) -> str:
    states = Counter(remark.state for remark in remarks)
    told = [counted(states[state], state) for state in ("problem", "warning") if states[state]]
    return ", ".join(told) or "nothing is in the way"
