"""Advice on single codes: how to mend one well, and one example of code before and after.

Each is a file `<check>/<code>.md` in this folder:

    What to do, what not to do, and where it goes wrong: one short paragraph.

    Bad:

    ```python
    code of which the check reports at least this code
    ```

    Good:

    ```python
    the same, mended: the check reports nothing of what there is advice on
    ```

At most 32 lines and 1,200 characters, since a prompt may hold several. The examples are run by the checks
in `tests/prompts/test_advice.py`: ruff with its default rules and all those that have a file here, mypy with
`--strict`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import attrs

__all__ = ["Advice", "advice"]

_FOLDER = Path(__file__).parent
#: Checks that give the same codes to the same rules as another.
_SAME_CODES = {"flake8": "ruff"}
_FILE = re.compile(
    r"(?P<text>.+?)\n\nBad:\n\n```python\n(?P<bad>.+?)```\n\nGood:\n\n```python\n(?P<good>.+?)```\n",
    re.DOTALL,
)


@attrs.frozen
class Advice:
    """How findings of one code are mended well.

    `check` is the kind of the check whose examples these are; `bad` and `good` are Python code, `good` what
    `bad` should become.
    """

    check: str
    code: str
    text: str
    bad: str
    good: str


@functools.cache
def advice(check: str, code: str) -> Advice | None:
    """The advice on a code; None where there is none.

    Args:
        check: the kind of the check, as in its `use`; flake8 and its plug-ins have most codes with ruff.
        code: as the check reports it.
    """
    check = _SAME_CODES.get(check, check)
    file = _files().get((check, code))
    return None if file is None else _parsed(check, code, file.read_text(encoding="utf-8"))


@functools.cache
def _files() -> Mapping[tuple[str, str], Path]:
    """By check and code: what a tool prints is looked up here, and never becomes part of a path."""
    return {(file.parent.name, file.stem): file for file in sorted(_FOLDER.glob("*/*.md"))}


def _parsed(check: str, code: str, content: str) -> Advice:
    match = _FILE.fullmatch(content)
    if match is None:
        raise ValueError(f"the advice on {check} {code} has not the form that {__name__} asks for")
    return Advice(check, code, **match.groupdict())
