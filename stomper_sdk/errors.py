"""What can go wrong, as one tree.

StomperError
├── UsageError          2  the command line or the call is wrong
├── PipelineError       2  the pipeline is wrong; holds every problem that was found
├── RepositoryError     3  git is missing, this is no repository, nobody to commit as
├── MachineError        3  the disk is full or read-only, too many files are open, or the like
├── CheckError          3  a check is missing, crashed, or printed what cannot be read
│   └── BlockedError    3  the code keeps a check from looking, as a syntax error does
├── TestsError          3  the test command that was asked for is missing
├── HistoryError        3  what was learned cannot be read or written
├── CommandError        3  an external command could not be started or ran out of time
├── WorkspaceError      3  a workspace could not be made
├── StageError          3  a stage of the user's own failed
├── RefusedError        3  the repository's hooks refused a commit
├── AgentError          3  an agent failed on one file
│   ├── AbandonedError  3  it was left alone at its time limit and may still be writing
│   └── UnrecordedError 3  a recorded answer was asked for and there is none
├── ConflictError       3  the target moved under a fix
├── StoppedError        4  no agent can be asked any more, or the budget is used up; resumable
└── SpentError          3  a file's own budget is used up

The number is the exit code when the error ends a run. Errors of one file (workspace, stage, agent,
conflict) become that file's result and end the run only where the pipeline says `on_error: abort`.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import attrs

__all__ = [
    "AWAY",
    "FINAL",
    "AbandonedError",
    "AgentError",
    "AgentFailure",
    "BlockedError",
    "CheckError",
    "CommandError",
    "ConflictError",
    "HistoryError",
    "MachineError",
    "PipelineError",
    "Problem",
    "RefusedError",
    "RepositoryError",
    "SpentError",
    "StageError",
    "StomperError",
    "StoppedError",
    "TestsError",
    "UnrecordedError",
    "UsageError",
    "WorkspaceError",
    "alone",
    "machine_error",
    "machine_limits",
]


class StomperError(Exception):
    """Something the user can act on.

    Args:
        message: what happened, in one sentence.
        hint: what to do next; an empty string where there is nothing to do.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    @property
    def reason(self) -> str:
        """The same where it is told in one line, as in a result: the hint is a sentence of its own."""
        return f"{self.message.rstrip('.')}. {self.hint}" if self.hint else self.message


class UsageError(StomperError):
    """The command line or the call is wrong."""

    exit_code = 2


@attrs.frozen
class Problem:
    """One thing that is wrong with a pipeline.

    `file` is a path or a name for text that has none; `line` and `column` count from 1, 0 where there
    is no place; `path` is dotted, as in `retry.max_attempts` or `stages[2].attempt[1]`.
    """

    message: str
    path: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return f"{text} (did you mean {self.suggestion!r}?)" if self.suggestion else text


class PipelineError(StomperError):
    """The pipeline is wrong; `problems` holds everything that is, not only the first thing."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem], hint: str = "") -> None:
        super().__init__("\n".join(str(problem) for problem in problems), hint)
        self.problems = tuple(problems)


class RepositoryError(StomperError):
    """Git is missing, this is no repository, or it is in a state in which nothing can be committed."""


class MachineError(StomperError):
    """The machine does not let anybody go on: no room, no permission, too many open files."""


class CheckError(StomperError):
    """A check is missing, crashed, or printed what cannot be read: never "no findings"."""


class BlockedError(CheckError):
    """The code itself keeps a check from looking at anything; a fix that brings that about is refused."""


class TestsError(StomperError):
    """The test command that was asked for cannot be run at all."""

    __test__ = False


class HistoryError(StomperError):
    """What was learned cannot be read or written: damaged, of a newer version, locked, no room."""


class CommandError(StomperError):
    """An external command could not be started, or was ended at its time limit."""


class WorkspaceError(StomperError):
    """A workspace could not be made or prepared."""


class StageError(StomperError):
    """A stage of the user's own raised."""


class RefusedError(StomperError):
    """The repository's own hooks refused a commit: the file ends as `rejected`."""


AgentFailure = Literal["error", "timeout", "unavailable", "quota", "auth"]
#: After these an agent is asked nothing more in a run: it would say the same to every file.
FINAL: frozenset[AgentFailure] = frozenset({"quota", "auth"})
#: These say nothing of what the agent would have done: nobody was there to be asked.
AWAY: frozenset[AgentFailure] = FINAL | {"unavailable"}


class AgentError(StomperError):
    """An agent failed on one file; the next agent of the cascade takes over.

    Args:
        message: what happened, in one sentence.
        hint: what to do next.
        failure: its kind. After `quota` and `auth` that agent is asked nothing more in this run;
            `unavailable`: it is not there to be asked.
        reply: the AgentReply of an agent that failed: what it said and spent until then.
    """

    def __init__(
        self, message: str, hint: str = "", *, failure: AgentFailure = "error", reply: Any = None
    ) -> None:
        super().__init__(message, hint)
        self.failure = failure
        self.reply = reply


class AbandonedError(AgentError):
    """An agent was left alone at its time limit, since nobody can end a thread: its file ends with it."""


class UnrecordedError(AgentError):
    """A recorded answer was asked for and there is none that can be given: its file ends with it."""


class ConflictError(StomperError):
    """The target moved under a fix.

    `retryable` is false where another attempt would meet the same conflict, as when the user is
    editing the file.
    """

    def __init__(self, message: str, hint: str = "", *, retryable: bool = True) -> None:
        super().__init__(message, hint)
        self.retryable = retryable


class StoppedError(StomperError):
    """A file cannot be gone on with, for want of money, quota or rights; a resumed run does it afresh.

    `whole` says that no other file can be gone on with either, `key` which limit of the pipeline it was.
    """

    exit_code = 4

    def __init__(self, message: str, hint: str = "", *, whole: bool = True, key: str = "") -> None:
        super().__init__(message, hint)
        self.whole = whole
        self.key = key


class SpentError(StomperError):
    """A file's own budget is used up: it ends with what it has, and the run goes on."""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Raise the first error of a group by itself: a nursery's siblings were cancelled because of it."""
    try:
        yield
    except BaseExceptionGroup as group:
        first = _first(group)
        raise first from first.__cause__


def _first(error: BaseException) -> BaseException:
    """An interrupt or a bug comes before an error that a user can act on."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [_first(inner) for inner in error.exceptions]
    return next((leaf for leaf in leaves if not isinstance(leaf, StomperError)), leaves[0])


_MAKE_ROOM = "Make room and run again; workspace.root says where workspaces live."
_FEWER = "Raise the limit (see ulimit -a), or lower parallelism.max_parallel_files."
_LIMITS = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EROFS: "Run where it can be written.",
    errno.EMFILE: _FEWER,
    errno.ENFILE: _FEWER,
    errno.ENOMEM: _FEWER,
    errno.EAGAIN: _FEWER,
}


def machine_error(said: str) -> MachineError | None:
    """The error of the machine that a program tells of in what it said; None where it tells of none."""
    words = {os.strerror(number): hint for number, hint in _LIMITS.items()} | {"Out of diskspace": _MAKE_ROOM}
    hints = (hint for word, hint in words.items() if word in said)
    return next((MachineError(said.strip(), hint) for hint in hints), None)


@contextlib.contextmanager
def machine_limits(*, permissions: bool = False) -> Iterator[None]:
    """Tell a full disk and its like from other errors of the system; what nobody may do, where asked for."""
    try:
        yield
    except OSError as error:
        hint = _LIMITS.get(error.errno or 0)
        if permissions and isinstance(error, PermissionError):
            hint = "See whose it is, and whether you may write there."
        if hint is None:
            raise
        place = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        raise MachineError(f"{error.strerror}{place}", hint) from error
