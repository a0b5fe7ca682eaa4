"""Edits as models write them in a conversation: read from an answer, and applied to a text, or refused.

The formats are those that aider made common (https://aider.chat/docs/more/edit-formats.html): blocks of what
to search and what to put there, whole files, unified diffs. What does not fit exactly is applied by the rules
of `ladder`, or refused with a message that is fit to be shown to the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType

from stomper_sdk.edits import search_replace, unified_diff, whole_file
from stomper_sdk.edits.applying import apply
from stomper_sdk.edits.base import Edit, EditError
from stomper_sdk.edits.source import Source

__all__ = ["FORMATS", "Edit", "EditError", "Source", "apply", "instructions", "parse"]

_FORMATS: Mapping[str, ModuleType] = {
    "search-replace": search_replace,
    "whole-file": whole_file,
    "unified-diff": unified_diff,
}
FORMATS = tuple(_FORMATS)
#: What some models think aloud before they answer, drafts of edits included.
_ALOUD = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)


def parse(format: str, text: str, path: str) -> tuple[Edit, ...]:  # noqa: A002
    """The edits of an answer, in its order.

    Args:
        format: one of `FORMATS`.
        text: what the model wrote, prose and all.
        path: the file that is meant where an edit names none.

    Raises:
        EditError: there are none, or one is not whole.
    """
    answer = _ALOUD.sub("", text.replace("\r\n", "\n"), count=1)
    edits: tuple[Edit, ...] = _FORMATS[format].parse(answer, path)
    if not edits:
        said = " ".join(answer.split())[:500] or "nothing"
        raise EditError(
            f"the answer holds no edit in the format that was asked for ({format}); it said: {said}"
        )
    return edits


def instructions(format: str) -> str:  # noqa: A002
    """What tells a model how to write its edits; the same for every file."""
    return str(_FORMATS[format].INSTRUCTIONS)
