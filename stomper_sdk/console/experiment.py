"""An experiment for people: what each variant came to side by side, and how surely they differ."""

from __future__ import annotations

import io
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from stomper_sdk.experiments import Comparison, Measure, Row
from stomper_sdk.laboratory import Experiment
from stomper_sdk.laboratory.beginning import Draft
from stomper_sdk.laboratory.document import compared
from stomper_sdk.laboratory.reading import PastExperiment
from stomper_sdk.model.experiment import VariantSpec
from stomper_sdk.model.present import counted, one_line, plain, seconds_text, visible
from stomper_sdk.model.price import Spending, dollars_text
from stomper_sdk.reports.layout import columns_of, table, wrapped

__all__ = ["draft_text", "experiment_text", "experiments_text", "not_tried"]

_NAME, _INDENT, _GAP = 20, 2, 2
_PAIRS = 10
_ASIDE: Sequence[tuple[Measure, str]] = (("seconds", "Time"), ("tokens", "Tokens"), ("cost_usd", "Cost"))
_ENDS = {"cancelled": "interrupted", "stopped": "stopped by its budget", "died": "killed"}
Column = tuple[str, Callable[[Row], str]]


def _rate(row: Row) -> str:
    return f"{100 * row.interval.low:.0f} to {100 * row.interval.high:.0f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 1):,g}"


def _seconds(value: float | None) -> str:
    return "" if value is None else seconds_text(value)


def _dollars(value: float | None) -> str:
    return "" if value is None else dollars_text(value)


_COLUMNS: Sequence[Column] = (
    ("fixed", lambda row: f"{_number(row.fixed)} of {row.findings}"),
    ("95 % interval", _rate),
    ("new", lambda row: _number(row.new_findings)),
    ("refused", lambda row: _number(row.guard_rejections)),
    ("tests failed", lambda row: _number(row.test_failures)),
    ("attempts", lambda row: _number(row.attempts)),
    ("time", lambda row: _seconds(row.seconds)),
    ("time per fixed", lambda row: _seconds(row.seconds_per_fixed)),
    ("tokens", lambda row: "" if row.tokens is None else f"{row.tokens:,.0f}"),
    ("cost", lambda row: _dollars(row.cost_usd)),
    ("cost per fixed", lambda row: _dollars(row.cost_per_fixed)),
)


def experiment_text(
    experiment: Experiment, width: int = 80, *, details: bool = False, file: str = "FILE"
) -> str:
    """The table of the variants, the comparisons, and what else is to be known.

    Args:
        experiment: the experiment.
        width: columns to wrap at.
        details: each code and file, and the differences in time, tokens and cost as well.
        file: where it is declared.

    Raises:
        UsageError: what computes is not installed.
    """
    blocks = [wrapped(visible(experiment.headline), width, _INDENT), _variants(experiment, width)]
    blocks += _inside(experiment, width) if details else ()
    blocks += _block("Fixed findings", _comparisons(compared(experiment)), width)
    for measure, title in _ASIDE if details else ():
        blocks += _block(title, _comparisons(compared(experiment, measure)), width)
    blocks += _block("Not tried to the end", not_tried(experiment), width)
    blocks += _block("Notices", [one_line(notice, 600) for notice in experiment.notices], width)
    blocks += _block("Go on with what is left", _next_steps(experiment, file), 0)
    return "\n\n".join(filter(None, blocks))


def draft_text(draft: Draft, width: int = 80) -> str:
    """What an experiment would try."""
    plan, arranged = draft.plan, draft.arranged
    of = f" of {arranged.available:,}" if plan.finding_count < arranged.available else ""
    times = f" x {arranged.repeats}" if arranged.repeats > 1 else ""
    drawn = f"{plan.finding_count:,}{of} findings in {counted(len(plan.tasks), 'file')}"
    variants = f"{counted(len(arranged.variants), 'variant')}{times}"
    head = f"{visible(arranged.name)} would try {variants} on {drawn}, in {counted(draft.runs, 'run')}"
    lines = [f"{one_line(it.name, 200)}: {_overrides(it)}" for it in arranged.variants]
    codes = Counter(finding.code for task in plan.tasks for finding in task.findings)
    told = [f"{code}: {count:,}" for code, count in codes.most_common(_PAIRS)]
    told += [f"and {counted(len(codes) - _PAIRS, 'more code')}"] if len(codes) > _PAIRS else []
    blocks = [wrapped(head, width, _INDENT), *_block("Variants", lines, width)]
    blocks += _block("Findings", told, width)
    blocks += _block("Notices", [one_line(notice, 600) for notice in arranged.notices], width)
    return "\n\n".join(blocks)


def _overrides(variant: VariantSpec) -> str:
    told = [
        f"{visible(key)}={one_line(json.dumps(plain(value)), 80)}" for key, value in variant.overrides.items()
    ]
    told += [f"agents.{visible(name)}: a function" for name in variant.functions]
    return ", ".join(told) or "the pipeline as it is"


def not_tried(experiment: Experiment) -> Sequence[str]:
    """A line for each variant that could not be tried to its end, and why."""
    failed = [f"{it.name} {it.status}: {it.reason}" for it in experiment.variants if it.reason]
    return [one_line(line, 600) for line in failed]


def experiments_text(experiments: Sequence[PastExperiment], width: int = 80) -> str:
    """A line for each experiment, or two where the lines are short."""
    header = ("experiment", "name", "status", "variants", "findings", "time")
    rows = [
        (
            it.id,
            one_line(it.name, 24),
            it.status,
            str(it.variants),
            str(it.findings),
            seconds_text(it.seconds),
        )
        for it in experiments
    ]
    stacked = (
        f"{row[0]}  {row[2]}\n  {row[1]}; {row[3]} variants; {row[4]} findings; {row[5]}" for row in rows
    )
    shown = table(header, rows, width) or "\n".join(stacked)
    problems = [f"{it.id}: {one_line(it.problem)}" for it in experiments if it.problem]
    return "\n".join([shown, *(wrapped(problem, width, _INDENT) for problem in problems)])


def spent_text(spent: Spending) -> str:
    """`1,234 tokens, $0.12`; empty where nobody told."""
    told = [f"{spent.tokens:,} tokens"] if spent.tokens is not None else []
    told += [dollars_text(spent.cost_usd)] if spent.cost_usd is not None else []
    return ", ".join(told)


def _variants(experiment: Experiment, width: int) -> str:
    rows = {it.variant: it.total for it in experiment.tables}
    # Where the answer was clear before the end, that is the end.
    silent = ("completed", "unfinished") if experiment.status == "decided" else ("completed",)
    told = [
        (it.name, rows.get(it.name), "" if it.status in silent else it.status) for it in experiment.variants
    ]
    return _table("variant", told, width)


def _inside(experiment: Experiment, width: int) -> Iterator[str]:
    """Each variant by code and by file."""
    for of_one in experiment.tables:
        name = one_line(of_one.variant, 80)
        for title, rows in (("code", of_one.codes), ("file", of_one.files)):
            yield f"{name}, by {title}\n" + _table(title, [(row.name, row, "") for row in rows], width)


def _table(title: str, rows: Sequence[tuple[str, Row | None, str]], width: int) -> str:
    """A table as wide as it needs to be, or a block for each row where that is too wide."""
    columns = [it for it in _COLUMNS if any(row and it[1](row) not in ("", "0") for _, row, _ in rows)]
    if not columns:
        return "\n".join(f"{one_line(name, 200)}  {standing}" for name, _, standing in rows)
    return _aligned(title, columns, rows, width) or "\n".join(_stacked(columns, *row, width) for row in rows)


def _aligned(
    title: str, columns: Sequence[Column], rows: Sequence[tuple[str, Row | None, str]], width: int
) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    least = min(_NAME, max(columns_of(one_line(name, 200)) for name, _, _ in rows))
    widths = [
        max(columns_of(text) for text in (name, *(cell(row) for _, row, _ in rows if row)))
        for name, cell in columns
    ]
    if least + sum(wide + _GAP for wide in widths) > width:
        return ""
    grid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    grid.add_column(title, min_width=least, overflow="fold")
    for (name, _), wide in zip(columns, widths, strict=True):
        grid.add_column(name, justify="right", no_wrap=True, min_width=wide)
    for name, row, standing in rows:
        told = [cell(row) for _, cell in columns] if row else [""] * len(columns)
        shown = f"{one_line(name, 200)} ({standing})" if standing else one_line(name, 200)
        grid.add_row(*map(Text, (shown, *told)))
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(grid)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())


def _stacked(columns: Sequence[Column], name: str, row: Row | None, standing: str, width: int) -> str:
    told = [f"{title} {cell(row)}" for title, cell in columns if cell(row)] if row else []
    head = one_line(name, 200) + (f" ({standing})" if standing else "")
    return "\n  ".join([wrapped(head, width, _INDENT), *told])


def _comparisons(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """All, or of many those that tell the most: a difference, the surer the earlier."""
    telling = sorted(comparisons, key=lambda it: it.adjusted) if len(comparisons) > _PAIRS else comparisons
    yield from (it.text for it in telling[:_PAIRS])
    if left := telling[_PAIRS:]:
        different = sum(it.different for it in left)
        seen = f"{different} of them with a difference" if different else "none with a difference"
        yield f"and {counted(len(left), 'more pair')}, {seen}; --output json has them all"


def _next_steps(experiment: Experiment, file: str) -> Iterator[str]:
    again = experiment.status in _ENDS or any(
        it.status in ("failed", "stopped") for it in experiment.variants
    )
    if again:
        # With the limit that is used up it would stop at once.
        used_up = [it.split()[1] for it in experiment.notices if it.startswith("stopped: budget.")]
        more = [word for key in used_up for word in ("--set", f"{key}=MORE")]
        yield shlex.join(["stomper-sdk", "experiment", file, "--resume", experiment.id, *more])


def _block(title: str, lines: Sequence[str] | Iterator[str], width: int) -> Sequence[str]:
    shown = [wrapped(f"  {line}", width, 4) for line in lines]
    return ["\n".join([title, *shown])] if shown else []
