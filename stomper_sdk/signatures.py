"""Whether somebody else's function can be called as we call it, told before anything runs."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["refusal"]


def refusal(function: Any, *arguments: str) -> str:
    """What keeps a function from being called with some arguments by position; empty if nothing does.

    One whose signature nobody knows, as of some that are built in, is taken as it is.
    """
    expected = f"expected a function of ({', '.join(arguments)}), got "
    if not callable(function):
        return f"{expected}{type(function).__name__}"
    if inspect.isasyncgenfunction(function):
        return f"{expected}an async generator"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*arguments)
    except TypeError:
        return f"{expected}one of {signature}"
    return ""
