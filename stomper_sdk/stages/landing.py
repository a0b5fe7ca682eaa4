"""The step that changes the user's repository, with a word in the journal before it and after it."""

from __future__ import annotations

import contextlib

from stomper_sdk.faults import point
from stomper_sdk.journal.records import Landed, Landing
from stomper_sdk.stages.base import Context

__all__ = ["land"]


def land(landing: Landing, context: Context) -> None:
    """Move the target to a commit; to be called under the lock of the user's repository. It blocks.

    Raises:
        ConflictError: the target moved, or the user is changing one of the files.
        OSError: the journal cannot be written; nothing has moved then.
    """
    context.session.journal.append(landing)
    context.repo().advance(context.commits_to(), landing.parent, landing.commit)
    point("merged")
    # The branch tells it as well: a full disk at this moment must not hide a commit that was made.
    with contextlib.suppress(OSError):
        context.session.journal.append(Landed(landing.commit))
