"""What GitHub shows of a run: annotations on a pull request, the summary of a step, its outputs.

Workflow commands are escaped as the package `@actions/core` does it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import attrs

from stomper_sdk.model.finding import Severity
from stomper_sdk.model.present import counted, one_line, visible
from stomper_sdk.model.result import SUCCEEDED, FileResult, FindingEnd, Outcome, RunResult

__all__ = ["github_annotations", "github_outputs", "github_summary"]

_Kind = Literal["error", "warning", "notice"]

_WORST_FIRST: tuple[_Kind, ...] = ("error", "warning", "notice")
_KINDS: Mapping[Severity, _Kind] = {"error": "error", "warning": "warning", "info": "notice"}
_FAILURES: Mapping[Outcome, _Kind] = {"error": "error", "conflict": "error", "rejected": "warning"}
#: GitHub shows that many annotations of each kind for a step.
_SHOWN = 10
#: With texts cut at 200 characters, this many rows stay below the 1 MiB that a summary may have.
_ROWS = 100
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


@attrs.frozen
class _Annotation:
    """A remark on a line, on a file, or, without a path, on the run."""

    kind: _Kind
    title: str
    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None


def github_annotations(result: RunResult) -> str:
    """A workflow command for each finding that is left, and for what failed; the worst come first.

    Each is to stand on a line of its own in the log. The text is empty if nothing is left.
    """
    return "\n".join(_command(annotation) for annotation in _annotations(result))


def github_outputs(result: RunResult) -> str:
    """The outputs of a step, for the file that GITHUB_OUTPUT names."""
    ends = Counter(end.status for end in result.findings)
    commits = sum(file.commit is not None for file in result.files)
    return f"session={result.session_id}\nfixed={ends['fixed']}\ncommits={commits}"


def github_summary(result: RunResult) -> str:
    """The run in GitHub's Markdown, less than 1 MiB, for the file that GITHUB_STEP_SUMMARY names."""
    blocks = [
        f"### stomper_sdk: {_text(result.pipeline)}",
        _text(result.headline),
        *([f"**Error:** {_text(result.error, 1000)}"] if result.error else []),
        *([f"**Tests at the end:** {_text(result.tests)}"] if result.tests else []),
        *_files(result),
        *_findings(result),
        *_notices(result),
        *_undo(result),
    ]
    return "\n\n".join(blocks)


# Annotations


def _annotations(result: RunResult) -> Sequence[_Annotation]:
    told = [*_of_run(result), *_of_files(result.files), *_of_findings(result)]
    return sorted(told, key=lambda annotation: _WORST_FIRST.index(annotation.kind))


def _of_run(result: RunResult) -> Iterator[_Annotation]:
    if result.error:
        yield _Annotation("error", "stomper_sdk", result.error)
    if result.tests_failed:
        yield _Annotation("error", "stomper_sdk: tests at the end", result.tests or "failed")


def _of_files(files: Sequence[FileResult]) -> Iterator[_Annotation]:
    for file in files:
        if kind := _FAILURES.get(file.outcome):
            yield _Annotation(kind, f"stomper_sdk: {file.outcome}", file.reason or "no reason", file.path)


def _of_findings(result: RunResult) -> Iterator[_Annotation]:
    for end in _left(result):
        finding = end.finding
        title = f"{finding.check} {finding.code}{', new with a fix' if end.status == 'new' else ''}"
        place = (finding.path, finding.line, finding.column)
        yield _Annotation(_KINDS[finding.severity], title, finding.message, *place)


def _left(result: RunResult) -> Sequence[FindingEnd]:
    """What is left, the worst first, and of that what is new."""
    left = [end for end in result.findings if end.is_left]
    rank = {kind: index for index, kind in enumerate(_WORST_FIRST)}
    return sorted(left, key=lambda end: (rank[_KINDS[end.finding.severity]], end.status != "new"))


def _command(annotation: _Annotation) -> str:
    column = annotation.column if annotation.line else None
    values = {"file": annotation.path, "line": annotation.line, "col": column, "title": annotation.title}
    told = ",".join(f"{name}={_property(str(value))}" for name, value in values.items() if value)
    return f"::{annotation.kind} {told}::{_data(annotation.message)}"


def _data(text: str) -> str:
    return visible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# The summary


def _files(result: RunResult) -> list[str]:
    header = ("outcome", "file", "fixed", "left", "new", "commit", "reason")
    files = sorted(result.files, key=lambda file: file.outcome in SUCCEEDED)
    return [_table(header, [_file_row(file) for file in files[:_ROWS]], len(files))] if files else []


def _file_row(file: FileResult) -> Sequence[str]:
    counts = (str(count) for count in (file.fixed_count, file.remaining_count, file.new_count))
    commit = _code(file.commit[:7]) if file.commit else ""
    return (file.outcome, _code(file.path), *counts, commit, _text(file.reason or ""))


def _findings(result: RunResult) -> list[str]:
    left = _left(result)
    if not left:
        return []
    header = ("place", "severity", "status", "check", "code", "message")
    table = _table(header, [_finding_row(end) for end in left[:_ROWS]], len(left))
    summary = f"<details><summary>{counted(len(left), 'finding')} left</summary>"
    return [*_unshown(result), summary, table, "</details>"]


def _unshown(result: RunResult) -> list[str]:
    """A word on annotations that a reader of the pull request does not see."""
    kinds = Counter(annotation.kind for annotation in _annotations(result))
    if not any(count > _SHOWN for count in kinds.values()):
        return []
    return [f"GitHub shows {_SHOWN} annotations of each kind; all of them are in the log of the step."]


def _finding_row(end: FindingEnd) -> Sequence[str]:
    finding = end.finding
    texts = (_text(text) for text in (finding.check, finding.code, finding.message))
    return (_code(finding.location), finding.severity, end.status, *texts)


def _notices(result: RunResult) -> list[str]:
    shown = [f"- {_text(notice, 600)}" for notice in result.notices[:_SHOWN]]
    if len(result.notices) > _SHOWN:
        shown.append(f"- and {len(result.notices) - _SHOWN} more")
    return ["**Notices**", "\n".join(shown)] if shown else []


def _undo(result: RunResult) -> list[str]:
    if not any(file.commit for file in result.files) or not result.base_commit or not result.head_commit:
        return []
    commits = f"{result.base_commit[:12]}..{result.head_commit[:12]}"
    return ["To undo the commits:", f"```console\n$ git revert --no-edit {commits}\n```"]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], count: int) -> str:
    """A table of cells that are Markdown already; `count` is how many rows there would be."""
    more = [("…", f"and {count - len(rows)} more")] if count > len(rows) else []
    lines = [header, ["---"] * len(header), *rows, *more]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"


def _text(text: str, limit: int = 200) -> str:
    """One line in which nothing is markup: Markdown obeys no character that stands as a reference."""
    return _PUNCTUATION.sub(lambda match: f"&#{ord(match[0])};", one_line(text, limit))
