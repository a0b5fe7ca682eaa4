"""The libraries for statistics, which are an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from stomper_sdk.errors import UsageError

__all__ = ["needed"]


def needed(module: str) -> Any:
    """A module of a library for statistics.

    Raises:
        UsageError: it is not installed; how to is said.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != library:
            raise
        text = f"experiments need {library}, which is not installed"
        raise UsageError(text, "Install it: pip install 'stomper_sdk[experiments]'") from error
