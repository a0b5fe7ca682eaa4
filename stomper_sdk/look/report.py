"""A run as a report: one HTML file with all that is known of it, to be kept, sent and printed."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from stomper_sdk.api.history import kept_files
from stomper_sdk.errors import StomperError
from stomper_sdk.look.fragments import Html, diff, facts, line, name, notes, outcome, table
from stomper_sdk.look.page import attempt_part, tiers
from stomper_sdk.look.shell import Choice, Section, save, shell, sieve
from stomper_sdk.look.timeline import timeline
from stomper_sdk.model.file import OUTCOMES, FileResult
from stomper_sdk.model.present import counted, hide, seconds_text
from stomper_sdk.model.result import FindingEnd, RunResult
from stomper_sdk.reports.attempts import counts
from stomper_sdk.reports.text import spent_text, value_text
from stomper_sdk.secrets import secret_values
from stomper_sdk.vcs.history import patches_of

__all__ = ["report_html", "save_report"]

#: Bytes of a whole page; where texts would take more, all long ones are cut to one length.
_SIZE = 1_900_000
_FINDINGS = 700_000
_LEAST, _MOST = 200, 200_000
_CODES = 40
_WORDS = {"remaining": "left"}


def save_report(result: RunResult, path: str | os.PathLike[str]) -> None:
    """Write the report of a run.

    Args:
        result: the run; the prompts and replies of a past one are read from its journal.
        path: the file, HTML; one that is there is replaced.

    Raises:
        StomperError: it cannot be written.
    """
    save(Path(path), report_html(result))


def report_html(result: RunResult) -> str:
    """The report as one HTML page; below 2 MB for a run of 500 files."""
    known = _known(result)
    page = _page(known, 0)
    sizes = [len(text.encode(errors="replace")) for text in known.texts]
    limit = _share(sizes, _SIZE - len(page.encode()))
    while len((page := _page(known, limit)).encode()) > _SIZE and limit > _LEAST:
        limit = max(limit * 4 // 5, _LEAST)
    return page


@attrs.frozen
class _Known:
    """All that a report tells: the run, its files in the order in which they are shown, their patches."""

    result: RunResult
    files: tuple[FileResult, ...]
    patches: Mapping[str, str]
    problems: tuple[str, ...]

    @property
    def texts(self) -> Iterator[str]:
        """What is cut where it is too long."""
        yield from self.patches.values()
        for file in self.files:
            for attempt in file.attempts:
                yield from (attempt.prompt, attempt.reply)


def _known(result: RunResult) -> _Known:
    """The run with its prompts, replies and patches; what cannot be had is told as a problem."""
    problems = []
    files, patches = result.files, {}
    try:
        files = _with_texts(result)
    except StomperError as error:
        problems.append(f"Prompts and replies are missing: {error.message}.")
    commits = [file.commit for file in files if file.commit]
    try:
        secrets = secret_values()
        found = patches_of(Path(result.repo), commits)
        patches = {commit: hide(patch, secrets) for commit, patch in found.items()}
    except StomperError as error:
        problems.append(f"Changes are missing: {error.message}.")
    else:
        if gone := len(set(commits) - patches.keys()):
            problems.append(f"Changes are missing: {counted(gone, 'commit')} gone from the repository.")
    ordered = sorted(files, key=lambda file: file.outcome in ("fixed", "skipped"))
    return _Known(result, tuple(ordered), patches, tuple(problems))


def _with_texts(result: RunResult) -> tuple[FileResult, ...]:
    """The files; where they come from a kept result, with the prompts and replies of its journal."""
    if all(attempt.prompt for file in result.files for attempt in file.attempts):
        return result.files
    kept = {file.path: file for file in kept_files(result.session_id, result.repo)}
    return tuple(
        attrs.evolve(file, attempts=kept[file.path].attempts) if file.path in kept else file
        for file in result.files
    )


def _share(sizes: Sequence[int], room: int) -> int:
    """The length at which all texts together fit into the room, if those that are longer are cut to it."""
    left = len(sizes)
    for size in sorted(sizes):
        if size * left > room:
            return max(room // left, _LEAST)
        room, left = room - size, left - 1
    return _MOST


def _page(known: _Known, limit: int) -> str:
    result = known.result
    place = {file.path: n for n, file in enumerate(known.files)}
    drawn = timeline(result)
    sections = [
        Section("summary", "Summary", _summary(known)),
        Section("outcomes", "Outcomes", _outcomes(result)),
        *([Section("timeline", "Timeline", drawn)] if drawn else []),
        Section("findings", "Findings", _findings(result, place)),
        Section("files", "Files", _files(known, limit)),
    ]
    return shell(f"{result.pipeline}: {result.status}", sections, result.headline)


def _summary(known: _Known) -> str:
    result = known.result
    commits = f"{result.base_commit[:12]} to {(result.head_commit or '')[:12]}" if result.base_commit else ""
    checks = ", ".join(f"{check}: {version}" for check, version in result.checks.items())
    reducers = {reducer: value_text(value, 400) for reducer, value in result.reducers.items()}
    told = {
        "session": result.session_id,
        "pipeline": result.pipeline,
        "repository": Path(result.repo).absolute().name,
        "status": f"{result.status}, exit code {result.exit_code}",
        "commits": commits,
        "time": seconds_text(result.duration_seconds),
        "at once": f"{counted(result.peak_parallel_files, 'file')} at most",
        "tests": result.tests or "",
        "checks": checks,
        "spent": spent_text(result.spent),
        **reducers,
    }
    noted = notes((*known.problems, *result.notices, *(result.error or "").splitlines()))
    agents = tiers(result)
    return f"{noted}{facts(told)}{f'<h3>Agents</h3>{agents}' if agents else ''}"


def _outcomes(result: RunResult) -> str:
    ends = Counter(file.outcome for file in result.files)
    kinds = {"fixed": "fixed", "partial": "left", "unfixed": "left", "skipped": "rest", "cancelled": "rest"}
    most = max(ends.values(), default=0)
    rows = [
        (outcome(word), ends[word], _bar([(kinds.get(word, "bad"), ends[word])], most))
        for word in OUTCOMES
        if ends[word]
    ]
    return f"{table(('outcome', 'files', ''), rows)}<h3>By code</h3>{_codes(result)}"


def _codes(result: RunResult) -> str:
    by_code: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for end in result.findings:
        by_code[end.finding.check, end.finding.code][end.status] += 1
    ranked = sorted(by_code.items(), key=lambda item: (-item[1].total(), item[0]))
    most = max((counts.total() for _, counts in ranked), default=0)
    rows = [
        (
            *(check, code, counts["fixed"], counts["remaining"], counts["new"]),
            *(counts["suppressed"], counts["skipped"], _bar(_parts(counts), most)),
        )
        for (check, code), counts in ranked[:_CODES]
    ]
    header = ("check", "code", "fixed", "left", "new", "suppressed", "skipped", "")
    more = f"<p>and {len(ranked) - _CODES} more codes</p>" if len(ranked) > _CODES else ""
    return table(header, rows) + more


def _parts(counts: Counter[str]) -> Sequence[tuple[str, int]]:
    bad = counts["new"] + counts["suppressed"]
    return [
        ("fixed", counts["fixed"]),
        ("left", counts["remaining"]),
        ("bad", bad),
        ("rest", counts["skipped"]),
    ]


def _bar(parts: Sequence[tuple[str, int]], most: int) -> Html:
    drawn, x = "", 0.0
    for kind, count in parts:
        width = 100 * count / most
        drawn += f'<rect class="{kind}" x="{x:.1f}" width="{width:.1f}" height="8"/>' if count else ""
        x += width
    return Html(
        f'<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'
    )


def _findings(result: RunResult, place: Mapping[str, int]) -> str:
    """A row for each finding, by file; those with something left first, as many as there is room for."""
    if not result.findings:
        return "<p>None.</p>"
    groups: dict[str, list[FindingEnd]] = defaultdict(list)
    for end in result.findings:
        groups[end.finding.path].append(end)
    ordered = sorted(groups, key=lambda path: not any(end.is_left for end in groups[path]))
    parts, room, shown = [], _FINDINGS, 0
    for path in ordered:
        if room < 0:
            break
        link = f'<a href="#f{place[path]}">{name(path)}</a>' if path in place else name(path)
        parts.append(f'<tbody><tr><th class="g path" colspan="6" scope="rowgroup">{link}</th></tr>')
        for end in groups[path]:
            parts.append(_finding_row(end))
            room -= len(parts[-1])
            shown += 1
        parts.append("</tbody>")
    more = len(result.findings) - shown
    told = f"<p>and {more:,} more: stomper-sdk runs show {result.session_id} --findings</p>" if more else ""
    head = "".join(f"<th>{column}</th>" for column in ("status", "check", "code", "place", "message", "by"))
    rows = f'<table class="wide"><thead><tr>{head}</tr></thead>{"".join(parts)}</table>{told}'
    return sieve("#findings tr:has(td)", "Search", _finding_choices(result.findings)) + rows


def _finding_choices(ends: Sequence[FindingEnd]) -> Sequence[Choice]:
    statuses = sorted({_WORDS.get(end.status, end.status) for end in ends})
    checks = sorted({end.finding.check for end in ends})
    codes = sorted({end.finding.code for end in ends})
    return (Choice("Status", 0, statuses), Choice("Check", 1, checks), Choice("Code", 2, codes))


def _finding_row(end: FindingEnd) -> str:
    # End tags that HTML does not need are left out: there may be thousands of rows.
    it = end.finding
    where = ":".join(str(part) for part in (it.line, it.column if it.line else None) if part)
    by = f"attempt {end.attempt}" if end.attempt else ""
    said = ", ".join(filter(None, (by, (end.commit or "")[:7], end.reason and line(end.reason, 120))))
    status = _WORDS.get(end.status, end.status)
    return (
        f"<tr><td class={end.status}>{status}<td class=k>{line(it.check)}<td class=k>{line(it.code)}"
        f"<td class=k>{where}<td>{line(it.message, 240)}<td>{said}"
    )


def _files(known: _Known, limit: int) -> str:
    if not known.files:
        return "<p>None.</p>"
    there = {file.outcome for file in known.files}
    choices = (Choice("Outcome", 0, [word for word in OUTCOMES if word in there]),)
    form = sieve("#files > details", "Search all texts", choices, folds=True)
    return form + "".join(_file(n, file, known.patches, limit) for n, file in enumerate(known.files))


def _file(number: int, file: FileResult, patches: Mapping[str, str], limit: int) -> str:
    told = ", ".join(counts(file))
    summary = (
        f'{outcome(file.outcome)} <span class="path">{name(file.path)}</span> <span>{told}</span> '
        f'<span class="n">{seconds_text(file.duration_seconds)}</span>'
    )
    # The target is within, so that a link unfolds it.
    return (
        f'<details class="row"><summary>{summary}</summary><div id="f{number}">'
        f"{_story(file, patches, limit)}</div></details>\n"
    )


def _story(file: FileResult, patches: Mapping[str, str], limit: int) -> str:
    reason = f"<p>{line(file.reason, 2000)}</p>" if file.reason else ""
    tests = f"<p>Tests: {line(file.tests, 600)}</p>" if file.tests else ""
    attempts = "".join(attempt_part(attempt, limit) for attempt in file.attempts)
    patch = patches.get(file.commit or "", "")
    head = f"Commit {(file.commit or '')[:12]}, +{file.lines_added} -{file.lines_removed} lines"
    changes = f"<h4>{head}</h4>{diff(patch, limit) if patch else ''}" if file.commit else ""
    return f"{reason}{tests}{attempts}{changes}" or "<p>Nothing was tried.</p>"
