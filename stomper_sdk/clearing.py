"""Removing a folder in which somebody hostile has worked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

__all__ = ["clear_away"]

_SECONDS = 60.0


def clear_away(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as that is possible; no link is followed."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # folders in folders, more than Python goes down into; rm goes down anywhere
        subprocess.run(["rm", "-rf", "--", folder], timeout=_SECONDS, capture_output=True, check=False)
