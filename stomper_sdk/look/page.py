"""A run, a plan and a file as HTML for notebooks: compact, to be unfolded, light and dark, no scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stomper_sdk.look.fragments import TEXT, Number, diff, line, outcome, table, text
from stomper_sdk.model.file import Attempt, FileResult
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import counted, seconds_text
from stomper_sdk.model.price import Usage, dollars_text
from stomper_sdk.model.result import RunResult
from stomper_sdk.reports.attempts import took, who

__all__ = [
    "attempt_html",
    "attempt_part",
    "diff_html",
    "file_html",
    "page",
    "plan_html",
    "result_html",
    "tiers",
]

_ROWS = 200
# Classes rather than styles of each element: a table of a thousand rows stays small. The colours can be read
# on white and on black, and no more than a help: words and signs say the same. `.stomper` twice counts for
# more than JupyterLab's own rules, by which every cell of a table stands to the right.
_STYLE = """<style>
.stomper{font-size:13px;line-height:1.4}
.stomper table{border-collapse:collapse}
.stomper.stomper td,.stomper.stomper th{text-align:left;padding:1px 10px 1px 0;vertical-align:top}
.stomper.stomper table .n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.stomper pre{white-space:pre-wrap;margin:2px 0 8px;padding:4px 8px;border-left:2px solid #8888}
.stomper pre{background:none;color:inherit;overflow-wrap:anywhere}
.stomper pre{font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace))}
.stomper summary{display:list-item;cursor:pointer}
.stomper .o{font-weight:600}
.stomper .fixed,.stomper ins{color:#2a9147}
.stomper .partial,.stomper .unfixed{color:#b07d00}
.stomper .rejected,.stomper .conflict,.stomper .error,.stomper .guard,.stomper .new_findings,
.stomper .tests_failed,.stomper .agent_error,.stomper del{color:#df4f45}
.stomper pre i{color:#3f83e0}
.stomper ins,.stomper del,.stomper pre i{text-decoration:none;font-style:normal;background:none}
</style>"""
_HEADER = ("outcome", "file", "fixed", "left", "new", "tries", "time", "commit", "reason")


def result_html(result: RunResult) -> str:
    """The headline, what a person should know, and a row for each file, those that failed first."""
    rows = sorted(result.files, key=lambda file: file.outcome in ("fixed", "skipped"))
    more = f"<p>and {len(rows) - _ROWS} more files</p>" if len(rows) > _ROWS else ""
    opened = " open" if len(rows) <= _ROWS // 10 else ""
    notes = "".join(f"<p>{line(note, 600)}</p>" for note in (*result.notices, result.error or "") if note)
    listed = table(_HEADER, (_file_row(file) for file in rows[:_ROWS]))
    files = f"<details{opened}><summary>{counted(len(rows), 'file')}</summary>{listed}{more}</details>"
    return page(f"<p><b>{line(result.headline)}</b></p>{tiers(result)}{notes}{files}")


def plan_html(plan: Plan) -> str:
    """What is going to be done, and what is left alone."""
    tasks = table(
        ("file", "findings", "codes"),
        ((task.path, len(task.findings), _codes(task.findings)) for task in plan.tasks[:_ROWS]),
    )
    skipped = table(
        ("file", "findings", "reason"),
        ((skip.path, len(skip.findings), skip.reason) for skip in plan.skipped[:_ROWS]),
    )
    left = f"<details><summary>{counted(len(plan.skipped), 'file')} left alone</summary>{skipped}</details>"
    head = f"{counted(len(plan.tasks), 'file')} to fix, {counted(plan.finding_count, 'finding')}"
    return page(f"<p><b>{head}</b></p>{tasks}{left if plan.skipped else ''}")


def file_html(file: FileResult, patch: str = "") -> str:
    """One file: its attempts to be unfolded, and what was committed."""
    reason = f": {line(file.reason, 600)}" if file.reason else ""
    head = f"<p>{outcome(file.outcome)} <b>{line(file.path)}</b>{reason}</p>"
    committed = f"<details open><summary>committed</summary>{diff(patch)}</details>" if patch else ""
    return page(head + "".join(attempt_part(attempt) for attempt in file.attempts) + committed)


def attempt_html(attempt: Attempt) -> str:
    """One attempt: what was asked, said and refused."""
    return page(attempt_part(attempt))


def diff_html(patch: str) -> str:
    """A patch, coloured."""
    return page(diff(patch))


def attempt_part(attempt: Attempt, limit: int = TEXT) -> str:
    """An attempt to be unfolded; what was asked and said takes so many bytes at most, each."""
    codes = ", ".join(
        f"{it.code} {it.tried}" if attempt.reason else f"{it.code} {it.fixed} of {it.tried}"
        for it in attempt.codes
    )
    facts = (
        ("findings" if attempt.reason else "fixed", codes),
        ("level", attempt.why),
        ("refused", attempt.reason),
    )
    told = "".join(f"<p><b>{name}</b> {line(words, 2000)}</p>" for name, words in facts if words)
    texts = (("asked", attempt.prompt), ("said", attempt.reply))
    said = "".join(f"<div><b>{name}</b></div>{text(words, limit)}" for name, words in texts if words)
    summary = f"{line(who(attempt))}: {outcome(attempt.outcome)}: {line(took(attempt))}"
    return f"<details><summary>{summary}</summary><div>{told}{said}</div></details>"


def tiers(result: RunResult) -> str:
    """What each agent fixed and took; empty where there is nothing to compare."""
    asked = result.tiers
    if not any(tier.usage.tokens for tier in asked) and len(asked) < 2:  # one is no comparison
        return ""
    rows = [
        (
            tier.agent,
            tier.fixed,
            tier.attempts,
            Number(seconds_text(tier.duration_seconds)),
            *_used(tier.usage),
        )
        for tier in asked
    ]
    return table(("agent", "fixed", "tries", "time", "tokens", "cost"), rows)


def _used(usage: Usage) -> tuple[int | None, Number | None]:
    return usage.tokens, None if usage.cost_usd is None else Number(dollars_text(usage.cost_usd))


def _file_row(file: FileResult) -> Sequence[object]:
    counts = (file.fixed_count, file.remaining_count, file.new_count, file.attempt_count)
    time, commit = Number(seconds_text(file.duration_seconds)), (file.commit or "")[:7]
    return (outcome(file.outcome), file.path, *counts, time, commit, file.reason or "")


def _codes(findings: Iterable[Finding]) -> str:
    return ", ".join(sorted({finding.code for finding in findings}))


def page(body: str) -> str:
    """What a notebook shows: a body, of which every text is escaped, with the style that it goes by."""
    return f'<div class="stomper">{_STYLE}{body}</div>'
