"""Results and plans for people: no colour, no trick characters, readable in 40 columns and in a log."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from stomper_sdk.model.finding import Finding
from stomper_sdk.model.forecast import Forecast, Span
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import counted, one_line, plain, seconds_text, visible
from stomper_sdk.model.price import Spending, dollars_text
from stomper_sdk.model.result import (
    FAILED,
    OUTCOMES,
    SUCCEEDED,
    Attempt,
    FileResult,
    FindingStatus,
    RunResult,
)
from stomper_sdk.model.tiers import Tier
from stomper_sdk.reports.layout import wrapped

__all__ = ["attempt_text", "file_line", "plan_text", "result_text", "spent_text", "value_text"]

_SHOWN = 10
_SEVERAL = 2
_INDENT = 10
_LEDGER: Mapping[FindingStatus, str] = {
    "fixed": "fixed",
    "remaining": "left",
    "skipped": "skipped",
    "new": "new",
    "suppressed": "suppressed",
}


def file_line(file: FileResult) -> str:
    """One line for a finished file: `fixed    src/a.py  3 fixed  1.2 s`."""
    counts = (
        (file.fixed_count, "fixed"),
        (file.suppressed_count, "suppressed"),
        (file.remaining_count, "left"),
        (file.new_count, "new"),
    )
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    reason = "" if file.outcome in SUCCEEDED else one_line(file.reason or "", 120)
    parts = (visible(file.path), told, seconds_text(file.duration_seconds), reason)
    return f"{file.outcome:<8} {'  '.join(part for part in parts if part)}"


def attempt_text(attempt: Attempt) -> str:
    """An attempt in one line, without its number: who, how much told and why, what came of it."""
    parts = (
        f"{visible(attempt.agent)}, {visible(attempt.level)}: {attempt.outcome}",
        seconds_text(attempt.duration_seconds),
        one_line(attempt.reason or ""),
        f"(level: {one_line(attempt.why)})" if attempt.why else "",
    )
    return "  ".join(part for part in parts if part)


def result_text(result: RunResult, width: int = 80, *, hidden: frozenset[str] = frozenset()) -> str:
    """The summary of a run.

    Args:
        result: the run.
        width: columns to wrap at.
        hidden: notices that the reader has seen already.
    """
    notices = [notice for notice in result.notices if notice not in hidden]
    blocks = [
        wrapped(_headline(result), width, indent=2),
        *_facts(result, width),
        *_block("Not fixed", _failures(result), width),
        *_block("Notices", [one_line(notice, 600) for notice in notices], width),
        *_block("Error", [one_line(line, 1000) for line in (result.error or "").splitlines()], width),
        *_block("Next", _next_steps(result), width=0),
    ]
    return "\n".join(blocks)


def plan_text(plan: Plan, pipeline: Pipeline, width: int = 80) -> str:
    """What a run would do."""
    findings = [finding for task in plan.tasks for finding in task.findings]
    files = f"{counted(len(plan.tasks), 'file')}, {counted(len(findings), 'finding')}"
    agents = ", ".join(f"{agent.name} ({agent.use})" for agent in pipeline.agents)
    facts = (
        ("agents", visible(agents)),
        ("codes", _tally(findings)),
        ("base", plan.base_commit[:7]),
        ("forecast", _forecast(plan.forecast) if plan.tasks else ""),
    )
    tasks = [f"{visible(task.path)}  {_tally(task.findings)}" for task in plan.tasks]
    skipped = [f"{visible(skip.path)}  {_skip_reason(skip.reason, skip.findings)}" for skip in plan.skipped]
    blocks = [
        wrapped(f"Plan of {visible(pipeline.name)}: {files}", width, indent=2),
        *(_fact(name, text, width) for name, text in facts if text),
        *_block("To fix", tasks, width, limit=None),
        *_block("Left alone", skipped, width, limit=None),
        *_block("Notices", [one_line(notice, 600) for notice in plan.notices], width),
    ]
    return "\n".join(blocks)


def _forecast(forecast: Forecast | None) -> str:
    if forecast is None:
        return "none: too little was learned yet"
    spans = (
        _span(forecast.attempts, str, " attempts", whole=True),
        _span(forecast.tokens, lambda tokens: f"{tokens:,}", " tokens", whole=True),
        _span(forecast.cost_usd, dollars_text),
        _span(forecast.seconds, seconds_text),
    )
    return f"{', '.join(filter(None, spans))} (from {counted(forecast.learned, 'attempt')})"


def _span(span: Span | None, text: Callable[[Any], str], unit: str = "", *, whole: bool = False) -> str:
    if span is None:
        return ""
    low, high = (round(span.low), round(span.high)) if whole else (span.low, span.high)
    same = text(low) == text(high)
    return f"{text(low)}{unit}" if same else f"{text(low)} to {text(high)}{unit}"


def _headline(result: RunResult) -> str:
    time = seconds_text(result.duration_seconds)
    return f"{result.session_id}: {visible(result.pipeline)} {result.status} after {time}"


def _facts(result: RunResult, width: int) -> list[str]:
    outcomes = [f"{result.count(outcome)} {outcome}" for outcome in OUTCOMES if result.count(outcome)]
    ends = Counter(end.status for end in result.findings)
    ledger = [f"{ends[status]} {word}" for status, word in _LEDGER.items() if ends[status] or word == "fixed"]
    commits = [file.commit[:7] for file in result.files if file.commit]
    facts = [
        ("files", ", ".join(outcomes) or "nothing to do"),
        ("findings", ", ".join(ledger)),
        ("commits", " ".join(commits[:_SHOWN]) + _more(commits, _SHOWN, " ")),
        ("tests", one_line(result.tests or "")),
        ("spent", spent_text(result.spent)),
    ]
    lines = [_fact(name, text, width) for name, text in facts if text]
    return [*lines, *_tiers(result, width), *_reducers(result.reducers, width)]


def _tiers(result: RunResult, width: int) -> list[str]:
    """What each agent fixed and took, where there were several or one told what it used."""
    tiers = result.tiers
    if len(tiers) < _SEVERAL and not any(tier.usage.tokens for tier in tiers):
        return []
    return _block("Agents", [_tier_line(tier) for tier in tiers], width)


def _tier_line(tier: Tier) -> str:
    told = [f"{tier.fixed} fixed in {counted(tier.attempts, 'attempt')}", seconds_text(tier.duration_seconds)]
    if tier.usage.tokens is not None:
        told.append(f"{tier.usage.tokens:,} tokens")
    if tier.usage.cost_usd is not None:
        told.append(dollars_text(tier.usage.cost_usd))
    return f"{visible(tier.agent)}: {', '.join(told)}"


def spent_text(spent: Spending) -> str:
    """What agents have used; nothing where none of them told anything."""
    amounts = {
        "tokens": None if spent.tokens is None else f"{spent.tokens:,} tokens",
        "cost": None if spent.cost_usd is None else dollars_text(spent.cost_usd),
    }
    told = ", ".join(filter(None, amounts.values()))
    missing = {"tokens": spent.attempts_without_tokens, "cost": spent.attempts_without_cost}
    gaps = [
        f"{counted(missing[what], 'attempt')} told no {what}"
        for what in amounts
        if amounts[what] and missing[what]
    ]
    return told and "; ".join([told, *gaps])


def _reducers(reducers: Mapping[str, Any], width: int) -> list[str]:
    if not reducers:
        return []
    column = max(len(visible(name)) for name in reducers) + 2
    lines = [
        f"{visible(name):<{column}}{value_text(value, width - column - 2)}"
        for name, value in reducers.items()
    ]
    return ["", *(wrapped(f"  {line}", width, indent=4) for line in lines)]


def value_text(value: Any, width: int) -> str:
    """A reducer's value in one line: how many items, and as many of them as there is room for."""
    simple, width = plain(value), max(width, 20)
    if isinstance(simple, dict):
        return _listed([f"{key} {_number(item)}" for key, item in simple.items()], width)
    if isinstance(simple, list):
        count = f"{len(simple)}: " if len(simple) > 1 else ""
        return count + _listed([str(item) for item in simple], width - len(count))
    return one_line(_number(simple), width)


def _listed(items: Sequence[str], width: int) -> str:
    if not items:
        return "none"
    for shown in range(min(len(items), width), 0, -1):
        more = _more(items, shown, ", ")
        line = ", ".join(visible(item) for item in items[:shown]) + more
        if len(line) <= width:
            return line
    return one_line(items[0], max(width - len(more), 8)) + more


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "none" if value is None else str(value)


def _more(items: Sequence[object], shown: int, joint: str) -> str:
    return f"{joint}and {len(items) - shown} more" if len(items) > shown else ""


def _failures(result: RunResult) -> list[str]:
    told = {*FAILED, "skipped"}
    failed = [file for file in result.files if file.outcome in told]
    return [
        f"{visible(file.path)}: {file.outcome}: {one_line(file.reason or 'no reason')}" for file in failed
    ]


def _next_steps(result: RunResult) -> list[str]:
    commits = [file.commit for file in result.files if file.commit]
    if not commits or not result.base_commit or not result.head_commit:
        return []
    git = "git" if result.repo == "." else f"git -C {visible(shlex.quote(result.repo))}"
    return [
        f"{git} log --oneline {result.base_commit[:7]}..{result.head_commit[:7]}",
        f"{git} show {commits[0][:7]}",
    ]


def _tally(findings: Iterable[Finding]) -> str:
    counts = Counter(finding.code for finding in findings)
    return ", ".join(f"{visible(code)} {count}" for code, count in sorted(counts.items()))


def _skip_reason(reason: str, findings: Sequence[Finding]) -> str:
    told = f" ({counted(len(findings), 'finding')})" if findings else ""
    return one_line(reason) + told


def _block(title: str, lines: Sequence[str], width: int, limit: int | None = _SHOWN) -> list[str]:
    if not lines:
        return []
    shown = list(lines[:limit])
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more")
    return ["", title, *(wrapped(f"  {line}", width, indent=4) for line in shown)]


def _fact(name: str, text: str, width: int) -> str:
    return wrapped(f"  {name:<{_INDENT}}{text}", width, indent=2 + _INDENT)
