"""What became of one file, told from the first prompt to the commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from stomper_sdk.api.history import kept_file
from stomper_sdk.errors import UsageError
from stomper_sdk.look.page import diff_html, file_html
from stomper_sdk.model.file import FileResult
from stomper_sdk.model.present import counted, one_line, visible, visible_lines
from stomper_sdk.model.result import RunResult
from stomper_sdk.options import did_you_mean
from stomper_sdk.reports.attempts import took, who
from stomper_sdk.vcs.history import patch_of

__all__ = ["Diff", "Story", "diff_of", "explain", "file_of"]


@attrs.frozen(repr=False)
class Diff:
    """A commit's patch; coloured in a notebook."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return visible_lines(self.text) or "<Diff of nothing>"

    def _repr_html_(self) -> str:
        return diff_html(self.text)


@attrs.frozen(repr=False)
class Story:
    """One file: what was asked, said, fixed, broken and refused, attempt by attempt, and its commit."""

    file: FileResult
    diff: Diff

    def __repr__(self) -> str:
        return "\n".join(_lines(self.file, self.diff.text))

    def _repr_html_(self) -> str:
        return file_html(self.file, self.diff.text)


def explain(result: RunResult, path: str) -> Story:
    """The story of one file of a run; prompts and replies of a past one are read from its journal.

    Raises:
        UsageError: the run had no such file.
        StomperError: what the run has kept cannot be read.
    """
    file = file_of(result, path)
    if any(not attempt.prompt for attempt in file.attempts):
        file = kept_file(result.session_id, path, result.repo) or file
    return Story(file, diff_of(result, path))


def diff_of(result: RunResult, path: str) -> Diff:
    """What a run has committed for one file; empty where nothing was.

    Raises:
        UsageError: the run had no such file.
        GitError: the commit is gone.
    """
    commit = file_of(result, path).commit
    return Diff(patch_of(Path(result.repo), commit) if commit else "")


def file_of(result: RunResult, path: str) -> FileResult:
    found = next((file for file in result.files if file.path == path), None)
    if found is None:
        names = [file.path for file in result.files]
        mean = did_you_mean(path, names)
        raise UsageError(f"the run had no file {path!r}{mean}", f"It had {counted(len(names), 'file')}.")
    return found


def _lines(file: FileResult, diff: str) -> Iterator[str]:
    reason = f": {one_line(file.reason)}" if file.reason else ""
    yield f"{visible(file.path)}: {file.outcome}{reason}"
    for attempt in file.attempts:
        yield ""
        yield f"{who(attempt)}: {attempt.outcome}: {took(attempt)}"
        for title, text in (("asked", attempt.prompt), ("said", attempt.reply), ("refused", attempt.reason)):
            if text:
                yield f"  {title}:"
                yield from (f"    {line}" for line in visible_lines(text).splitlines())
    if diff:
        yield ""
        yield f"committed as {(file.commit or '')[:12]}:"
        yield visible_lines(diff)
