"""The commit message of a fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.present import hide
from stomper_sdk.stages.base import Context, FileState
from stomper_sdk.vcs.history import subject_of

__all__ = ["check_commit_template", "commit_message", "revert_message", "revert_text"]

_VARIABLES = ("path", "findings", "codes", "count", "agent", "pipeline", "session_id")

_SUBJECT_WIDTH = 72
_BODY_LINES = 40


def commit_message(state: FileState, context: Context) -> str:
    """Subject, body and trailers; a file name that does not fit on a line is written escaped."""
    spec = context.pipeline.apply.commit
    fixed = state.best.delta.fixed if state.best and state.best.delta else ()
    path = _shown(state.task.path)
    if spec.template is not None:
        text = _templated(spec.template, state, context, fixed)
    elif spec.style == "plain":
        text = f"{_subject('Fix ', fixed, path)}\n\n{_body(fixed)}"
    else:
        text = f"{_subject(f'fix({_scope(fixed)}): ', fixed, path)}\n\n{_body(fixed)}"
    return _with_trailers(hide(text, context.pipeline.secrets), path, context)


def revert_message(commit: str, path: str, context: Context) -> str:
    """Why a commit of this run is taken back."""
    text = f"{_revert(context.root, commit)}:\nthe tests fail with it at the end of the run."
    return _with_trailers(text, _shown(path), context)


def revert_text(root: Path, commit: str, session_id: str) -> str:
    """What takes back a commit of a past run."""
    return f"{_revert(root, commit)}.\n\nStomper-Session: {session_id}\n"


def _revert(root: Path, commit: str) -> str:
    """The beginning of what `git revert` writes."""
    return f'Revert "{subject_of(root, commit)}"\n\nThis reverts commit {commit}'


def _with_trailers(text: str, path: str, context: Context) -> str:
    trailers = f"\n\nStomper-Session: {context.session.id}\nStomper-File: {path}"
    return f"{text.rstrip()}{trailers if context.pipeline.apply.commit.trailers else ''}\n"


def _subject(start: str, fixed: Sequence[Finding], path: str) -> str:
    """As many codes as fit on a subject line, the most frequent first; the path is never shortened."""
    codes = [code for code, _ in Counter(finding.code for finding in fixed).most_common()]
    for count in range(len(codes), 0, -1):
        more = f" and {len(codes) - count} more" if count < len(codes) else ""
        subject = f"{start}{', '.join(codes[:count])}{more} in {path}"
        if len(subject) <= _SUBJECT_WIDTH:
            return subject
    return f"{start}{len(fixed)} findings in {path}"


def _scope(fixed: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.check for finding in fixed))


def _body(fixed: Sequence[Finding]) -> str:
    lines = [f"- {finding.code} {_shown(finding.message)} (line {finding.line})" for finding in fixed]
    more = [f"- and {len(lines) - _BODY_LINES} more"] if len(lines) > _BODY_LINES else []
    return "\n".join([*lines[:_BODY_LINES], *more])


def check_commit_template(template: str | None) -> None:
    """Find out before a run whether a commit message can be made.

    Raises:
        PipelineError: the template is no Jinja2, or uses a variable that there is not.
    """
    if template is not None:
        _rendered(template, dict.fromkeys(_VARIABLES, "") | {"findings": (), "codes": [], "count": 0})


def _templated(template: str, state: FileState, context: Context, fixed: Sequence[Finding]) -> str:
    values = {
        "path": _shown(state.task.path),
        "findings": fixed,
        "codes": list(dict.fromkeys(finding.code for finding in fixed)),
        "count": len(fixed),
        "agent": state.best.agent if state.best else "",
        "pipeline": context.pipeline.name,
        "session_id": context.session.id,
    }
    return _rendered(template, values)


def _rendered(template: str, values: Mapping[str, Any]) -> str:
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    try:
        return SandboxedEnvironment(undefined=jinja2.StrictUndefined).from_string(template).render(values)
    except jinja2.TemplateError as error:
        text = f"{error}; the variables are {', '.join(_VARIABLES)}"
        raise PipelineError([Problem(text, "apply.commit.template")]) from error


def _shown(text: str) -> str:
    """Text on one line, with nothing in it that a terminal or a trailer would take for something else."""
    safe = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return safe.encode("utf-8", "backslashreplace").decode("utf-8")
