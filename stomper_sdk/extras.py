"""Libraries that not everybody needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from stomper_sdk.errors import UsageError

__all__ = ["needed"]


def needed(module: str, what: str, extra: str) -> Any:
    """A module of a library that is an extra.

    Args:
        module: its name, dotted.
        what: what cannot be done without it.
        extra: the name under which it is installed with this package.

    Raises:
        UsageError: it is not installed; how to is said.
    """
    try:
        return import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != library:
            raise
        text = f"{what} needs {library}, which is not installed"
        raise UsageError(text, f"Install it: pip install 'stomper_sdk[{extra}]'") from error
