"""What a maintainer needs to know about a bug: versions and the traceback, never values of the user's."""

from __future__ import annotations

import contextlib
import platform
import sys
import traceback
from importlib import metadata

from stomper_sdk import __version__

__all__ = ["bug_report"]

_PACKAGES = ("attrs", "gitpython", "rich", "ruff", "trio")


def bug_report(error: BaseException, command: str) -> str:
    """The text of the log file."""
    lines = [f"command {command}", f"stomper_sdk {__version__}", f"python {sys.version}", platform.platform()]
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            lines.append(f"{name} {metadata.version(name)}")
    return "\n".join([*lines, "", *traceback.format_exception(error)])
