"""Points at which a test can make the program fail, wait or die; they do nothing unless asked to.

`STOMPER_FAULTS=landing=kill,ended:2=raise` kills the process at the first `landing` and raises at the
second `ended`. What a program does when it dies between two effects can be tested in no other way.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import time
from collections.abc import Iterator, Mapping

__all__ = ["POINTS", "point"]

#: Each effect of a run, in the order in which a file meets them.
POINTS = (
    "session",
    "opened",
    "planned",
    "worktree",
    "spent",
    "verified",
    "objects",
    "landing",
    "merged",
    "landed",
    "removed",
    "ended",
    "history",
    "result",
)
_PAUSE_SECONDS = 0.2
_ERRORS = {"raise": errno.ENOSPC, "readonly": errno.EROFS, "denied": errno.EACCES}


def _asked(text: str) -> Iterator[tuple[tuple[str, int], str]]:
    for word in filter(None, text.split(",")):
        place, _, what = word.partition("=")
        name, _, number = place.partition(":")
        if name in POINTS and (number or "1").isdecimal():
            yield (name, int(number or 1)), what


_faults: Mapping[tuple[str, int], str] = dict(_asked(os.environ.get("STOMPER_FAULTS", "")))
_passed = {name: itertools.count(1) for name in POINTS} if _faults else {}


def point(name: str) -> None:
    """Pass a point: die, wait, or raise an error of the disk, if the environment says so.

    `raise` is one of a full disk, `readonly` of one that nobody may write, `denied` of a place that we may
    not write.

    Raises:
        OSError: it was asked for.
    """
    if not _faults:
        return
    what = _faults.get((name, next(_passed[name])))
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "wait":
        time.sleep(_PAUSE_SECONDS)
    elif what in _ERRORS:
        raise OSError(_ERRORS[what], os.strerror(_ERRORS[what]), f"<{name}>")
