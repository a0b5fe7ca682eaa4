"""Past runs on a terminal: what `reports` tell as text, in tables, bars and colours.

Where there is no room for a table it is the text, coloured. Colours are no more than a help: words, letters
and lengths say the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from stomper_sdk.console.screen import STYLES
from stomper_sdk.model.history import PastRun
from stomper_sdk.model.present import counted, one_line, seconds_text, visible
from stomper_sdk.model.result import OUTCOMES, Attempt, FileResult, FindingEnd, FindingStatus, RunResult
from stomper_sdk.reports import result_text
from stomper_sdk.reports.history import files_text, findings_text, run_row, runs_text
from stomper_sdk.reports.timeline import WAITING, Lettered, lettered

__all__ = ["run_shown", "runs_shown"]

# Columns below which a table says less than text.
_ROOM, _ROOM_FOR_FILES, _UNBOUND = 72, 100, 1000
_LANES, _CODES = 16, 10
_BAR = 30
_STATUSES: tuple[FindingStatus, ...] = ("fixed", "remaining", "new", "suppressed", "skipped")
_WORDS = {
    **STYLES,
    "completed": "green",
    "stopped": "yellow",
    "running": "cyan",
    **dict.fromkeys(("failed", "died", "broken", "new", "suppressed"), "red"),
    **dict.fromkeys(("left", "remaining", "skipped"), "yellow"),
}
_STAGES = ("blue", "yellow", "green", "magenta", "cyan", "red", "bright_blue", "bright_green", "white")


def runs_shown(runs: Sequence[PastRun], console: Console, width: int) -> RenderableType:
    """The list of runs."""
    shown = _table("session", "started", "pipeline", "status")
    for name in ("files", "fixed", "left", "commits", "time"):
        shown.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        session, started, pipeline, status, *rest = run_row(run)
        shown.add_row(session, started, pipeline, _word(status), *rest)
    if Measurement.get(console, console.options.update(max_width=_UNBOUND), shown).maximum > width:
        return _colored(runs_text(runs, width))
    problems = [Text(f"{run.session_id}: {one_line(run.problem)}", "red") for run in runs if run.problem]
    return Group(shown, *problems)


def run_shown(
    result: RunResult, width: int, *, files: bool, attempts: bool, findings: bool, plain_signs: bool = False
) -> RenderableType:
    """One run.

    Args:
        result: the run.
        width: the columns that there are.
        files: whether each file is told.
        attempts: whether each attempt is told with its file.
        findings: whether each finding is told.
        plain_signs: whether only ASCII can be shown.
    """
    block = "#" if plain_signs else "█"
    parts = [_colored(result_text(result, width)), *_outcomes(result, block), *_codes(result, width, block)]
    parts += _timeline(result, width)
    if files and result.files:
        wide = width >= _ROOM_FOR_FILES
        listed = _files(result, attempts) if wide else _colored(files_text(result, width, attempts=attempts))
        parts += ["", listed]
    if findings and result.findings:
        parts += ["", _findings(result) if width >= _ROOM else _colored(findings_text(result, width))]
    return Group(*parts)


def _colored(text: str) -> Text:
    """A report's text with its titles and the words that say how something ended."""
    words = "|".join(_WORDS)
    colored = Text(text)
    colored.highlight_regex(r"(?m)^[A-Z][a-z]+( [a-z]+)?$", "bold")
    for pattern in (rf"(?m)^ *({words})\b", rf"\b\d+ ({words})\b", rf": ({words})(?=: )", rf" ({words})$"):
        for match in _matches(pattern, text):
            colored.stylize(_WORDS[match[0]], *match[1])
    return colored


def _matches(pattern: str, text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    return ((it[1], it.span(1)) for it in re.finditer(pattern, text, re.MULTILINE))


def _outcomes(result: RunResult, block: str) -> Sequence[RenderableType]:
    counts = [(outcome, result.count(outcome)) for outcome in OUTCOMES if result.count(outcome)]
    if not counts:
        return ()
    most = max(count for _, count in counts)
    shown = Table.grid(padding=(0, 2))
    shown.add_column(no_wrap=True)
    shown.add_column(justify="right", no_wrap=True)
    for outcome, count in counts:
        length = max(round(_BAR * count / most), 1)
        shown.add_row(f"  {outcome}", str(count), Text(block * length, _WORDS.get(outcome, "")))
    return ("", Text("Outcomes", "bold"), shown)


def _codes(result: RunResult, width: int, block: str) -> Sequence[RenderableType]:
    """The most frequent codes, with what became of them."""
    ends = Counter((end.finding.code, end.status) for end in result.findings)
    totals = Counter(end.finding.code for end in result.findings)
    if not totals or width < _ROOM:
        return ()
    shown = _table("code")
    for name in ("fixed", "left", "new", "suppressed", "skipped"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("")
    most = max(totals.values())
    for code, total in totals.most_common(_CODES):
        told = [str(ends[code, status] or "") for status in _STATUSES]
        length = max(round(_BAR * total / most), 1)
        shown.add_row(visible(code), *told, block * length)
    more = len(totals) - _CODES
    return ("", shown, *([f"  and {counted(more, 'more code')}"] if more > 0 else []))


def _timeline(result: RunResult, width: int) -> Sequence[RenderableType]:
    """A line for each worker; a letter is a stage, a point is a wait."""
    if not result.spans or width < _BAR:
        return ()
    drawn = lettered(result.spans, width - 6)
    colors = {letter: _STAGES[n % len(_STAGES)] for n, letter in enumerate(drawn.letters.values())}
    lanes = [_lane(number, lane, colors) for number, lane in enumerate(drawn.lanes[:_LANES], start=1)]
    more = len(drawn.lanes) - _LANES
    rest = [f"  and {counted(more, 'more worker')}"] if more > 0 else []
    return ("", Text("Timeline", "bold"), *lanes, *rest, _legend(drawn, colors, result, width))


def _lane(number: int, lane: str, colors: Mapping[str, str]) -> Text:
    text = Text(f"{number:>4}  ", no_wrap=True)
    for letter in lane:
        text.append(letter, f"black on {colors[letter]}" if letter not in " ." else "")
    return text


def _legend(drawn: Lettered, colors: Mapping[str, str], result: RunResult, width: int) -> Text:
    text = Text("      ")
    for stage, letter in drawn.letters.items():
        told = f"{letter} {visible(stage)}"
        room = width - len(text.plain.rpartition("\n")[2])
        text.append("\n      " if len(told) > room else "")
        text.append(letter, f"black on {colors[letter]}" if stage != WAITING else "")
        text.append(f" {visible(stage)}  ")
    at_once = f"at most {counted(result.peak_parallel_files, 'file')} at once"
    return text.append(f"\n      {seconds_text(drawn.seconds)} in all, {at_once}")


def _files(result: RunResult, attempts: bool) -> Table:
    shown = _table("outcome")
    shown.add_column("file", overflow="fold", ratio=3)
    for name in ("fixed", "left", "new", "tries", "time", "commit"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("reason", overflow="fold", ratio=2)
    for file in result.files:
        shown.add_row(*_file_cells(file))
        for attempt in file.attempts if attempts else ():
            shown.add_row(*_attempt_cells(attempt))
    return shown


def _file_cells(file: FileResult) -> Sequence[RenderableType]:
    counts = (file.fixed_count, file.remaining_count, file.new_count, file.attempt_count)
    told = [str(count or "") for count in counts]
    time, commit = seconds_text(file.duration_seconds), (file.commit or "")[:7]
    return (_word(file.outcome), Text(visible(file.path)), *told, time, commit, one_line(file.reason or ""))


def _attempt_cells(attempt: Attempt) -> Sequence[RenderableType]:
    counts = (attempt.fixed_count, attempt.remaining_count, attempt.new_count)
    who = f"  try {attempt.number}, {attempt.agent}, {attempt.level}: {attempt.outcome}"
    told = [str(count or "") for count in counts]
    reason = one_line(attempt.reason or attempt.why or "")
    return ("", Text(visible(who), "dim"), *told, "", seconds_text(attempt.duration_seconds), "", reason)


def _findings(result: RunResult) -> Table:
    shown = _table("status")
    shown.add_column("place", overflow="fold", ratio=2)
    shown.add_column("code", no_wrap=True)
    shown.add_column("message", overflow="fold", ratio=3)
    shown.add_column("by", overflow="fold", ratio=1)
    for end in result.findings:
        shown.add_row(_word(end.status), *_finding_cells(end))
    return shown


def _finding_cells(end: FindingEnd) -> Sequence[RenderableType]:
    it = end.finding
    by = f"attempt {end.attempt}" if end.attempt else ""
    said = ", ".join(filter(None, ((end.commit or "")[:7], by, one_line(end.reason or ""))))
    return (Text(visible(it.location)), Text(one_line(it.code)), Text(one_line(it.message)), Text(said))


def _table(*columns: str) -> Table:
    shown = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for column in columns:
        shown.add_column(column, no_wrap=True)
    return shown


def _word(word: str) -> Text:
    return Text(word, _WORDS.get(word, ""))
