"""An experiment as a report: one HTML file with all that was found, to be kept, sent and printed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Comparison, Measure, Row, Table
from stomper_sdk.experiments.comparing import amount
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.experiment.charts import reach, scatter, share
from stomper_sdk.look.experiment.frames import comparisons_told
from stomper_sdk.look.experiment.front import AMOUNTS, front_of, points_of
from stomper_sdk.look.experiment.page import notes_of, rows_by_name, variants_table
from stomper_sdk.look.experiment.speedup import speeds_of
from stomper_sdk.look.fragments import Html, Number, facts, line, name, notes, table
from stomper_sdk.look.shell import Section, save, shell, sieve
from stomper_sdk.model.present import counted, seconds_text
from stomper_sdk.reports.text import spent_text

__all__ = ["report_html", "save_report"]

#: Cells of a table of codes or files: a report stays below 2 MB.
_CELLS = 6_000
_PAIRS = 400
_TITLES: Mapping[Measure, str] = {
    "fixed": "Findings fixed",
    "cost_usd": "Cost of a finding",
    "seconds": "Time of a finding",
    "tokens": "Tokens of a finding",
}


def save_report(experiment: Experiment, path: str | os.PathLike[str]) -> None:
    """Write the report of an experiment.

    Args:
        experiment: what was tried.
        path: the file, HTML; one that is there is replaced.

    Raises:
        StomperError: it cannot be written, or what computes is not installed.
    """
    save(Path(path), report_html(experiment))


def report_html(experiment: Experiment) -> str:
    """The report as one HTML page.

    Raises:
        UsageError: what computes is not installed.
    """
    tables = experiment.tables
    sections = [
        Section("summary", "Summary", _summary(experiment)),
        Section("variants", "Variants", _variants(experiment, tables)),
        Section("comparisons", "Comparisons", _comparisons(experiment)),
    ]
    if tables:
        sections += [
            Section("taken", "Taken and fixed", _taken(experiment)),
            *_speedup(experiment),
            Section("codes", "Codes", _grid("codes", "code", tables, rows_by_name(tables, "codes"))),
            Section("files", "Files", _grid("files", "file", tables, rows_by_name(tables, "files"))),
        ]
    return shell(f"{experiment.name}: {experiment.status}", sections, experiment.headline)


def _summary(experiment: Experiment) -> str:
    drawn = f"{counted(experiment.finding_count, 'finding')} in {counted(len(experiment.tasks), 'file')}"
    told = {
        "experiment": experiment.id,
        "pipeline": experiment.pipeline,
        "repository": Path(experiment.repo).absolute().name,
        "commit": experiment.base_commit[:12],
        "status": f"{experiment.status}, exit code {experiment.exit_code}",
        "drawn": f"{drawn}, of {counted(experiment.available, 'finding')} that there are",
        "repeats": str(experiment.repeats),
        "seed": str(experiment.seed),
        "stop": experiment.stop,
        "time": seconds_text(experiment.duration_seconds),
        "at once": f"{counted(experiment.peak_parallel_files, 'file')} at most",
        "spent": spent_text(experiment.spent),
    }
    return f"{notes(notes_of(experiment))}{facts(told)}"


def _variants(experiment: Experiment, tables: Sequence[Table]) -> str:
    rows = {it.variant: it.total for it in tables}
    drawn = [(it.name, _drawn(rows.get(it.name))) for it in experiment.variants]
    changed = [(it.name, _told_overrides(it.overrides, it.functions)) for it in experiment.variants]
    return (
        f"{table(('variant', '0 to 100 % fixed, 95 % interval'), drawn)}"
        f"<h3>In numbers</h3>{variants_table(experiment, tables)}"
        "<p>Numbers are of one round over the findings. New findings, refusals by the guard and failures of "
        "tests are counted by file.</p>"
        f"<h3>What they are</h3>{table(('variant', 'overrides'), changed)}"
    )


def _drawn(row: Row | None) -> Html | None:
    """The share that was fixed, with its interval, on a line from 0 to 100 %."""
    return None if row is None else reach(row.rate, row.interval.low, row.interval.high, (0, 1), 420)


def _told_overrides(overrides: Mapping[str, object], functions: Sequence[str]) -> str:
    told = [f"{key}: {value}" for key, value in overrides.items()]
    return ", ".join([*told, *(f"agents.{it}: a function" for it in functions)]) or "none"


def _comparisons(experiment: Experiment) -> str:
    try:
        told = dict.fromkeys(it.measure for it in comparisons_told(experiment))
        parts = [f"<h3>{_TITLES[it]}</h3>{_pairs(experiment, it)}" for it in told]
    except UsageError as error:  # variants that were not tried on the same findings
        return f"<p>{line(str(error), 600)}</p>"
    return "".join(parts) or "<p>There is nothing to compare.</p>"


def _pairs(experiment: Experiment, measure: Measure) -> str:
    """A row for each pair; of very many those that are told apart best."""
    found = experiment.comparisons(measure)
    shown = sorted(found, key=lambda it: it.adjusted)[:_PAIRS] if len(found) > _PAIRS else found
    bounds = (abs(end) for it in shown for end in (it.difference, it.interval.low, it.interval.high))
    end = max((it for it in bounds if math.isfinite(it)), default=1.0) or 1.0
    more = f"<p>and {len(found) - len(shown)} more pairs</p>" if len(shown) < len(found) else ""
    unit = amount(0, measure).rpartition(" ")[2]
    header = ("pair", "", f"difference, {unit}", "interval", "", "p", "findings", "could be seen")
    rows = (_pair(it, end) for it in shown)
    return f"<p>{_method(experiment, measure)}</p>{table(header, rows)}{more}"


def _method(experiment: Experiment, measure: Measure) -> str:
    one = experiment.comparisons(measure)[0]
    looked = measure == "fixed" and experiment.decisions
    how = ", at all looks" if looked else " (Holm)" if one.family > 1 else ""
    together = f" of {one.family} comparisons together" if one.family > 1 else ""
    level = f"{100 * (1 - one.alpha):.3g} %{together}{how}"
    return (
        f"By the {line(one.method)}. Intervals and p-values hold at {level}. "
        "What could be seen is the smallest difference that this size sees in 80 of 100 samples."
    )


def _pair(it: Comparison, end: float) -> Sequence[object]:
    low, high = it.interval.low, it.interval.high
    return (
        Html(f"{line(it.a)}<br>less {line(it.b)}"),
        Html(f'<span class="k{" o" if it.different else ""}">{it.verdict}</span>'),
        _bare(it, it.difference),
        Number(f"{_bare(it, low)} to {_bare(it, high)}"),
        reach(it.difference, low, high, (-end, end), sure=it.different),
        Number(f"{it.adjusted:.3g}"),
        it.n,
        _smallest(it),
    )


def _smallest(comparison: Comparison) -> Number:
    least = comparison.smallest_detectable
    return Number("nothing") if least is None else _bare(comparison, least, signed=False)


def _bare(comparison: Comparison, value: float, *, signed: bool = True) -> Number:
    """A difference without its unit."""
    return Number(amount(value, comparison.measure, signed=signed).rpartition(" ")[0])


def _taken(experiment: Experiment) -> str:
    chosen, points, untold = points_of(experiment)
    best, unit = front_of(points), AMOUNTS[chosen]
    ranked = sorted(points, key=lambda it: (-points[it][1], points[it][0]))
    rows = [
        (n, it, Number(f"{points[it][0]:,.4g}"), Number(f"{100 * points[it][1]:.1f} %"), _word(it in best))
        for n, it in enumerate(ranked, 1)
    ]
    missing = "" if chosen == "cost_usd" else " What it cost is not known of all variants."
    silent = f" Not told: {line(', '.join(untold), 600)}." if untold else ""
    note = f"None fixes more for less than a variant on the front.{missing}{silent}"
    listed = table(("", "variant", f"{unit} for each finding", "fixed", ""), rows)
    return f"<p>{note}</p>{scatter(points, ranked, best, unit)}{listed}"


def _word(best: bool) -> str:
    return "on the front" if best else ""


def _speedup(experiment: Experiment) -> Iterator[Section]:
    """How much faster wider variants were, where that is what they are about."""
    try:
        speeds = speeds_of(experiment)
    except UsageError:
        return
    base, files = speeds[0], len(experiment.tasks)
    rows = []
    for speed in speeds:
        ideal, times = min(speed.limit, files) / min(base.limit, files), base.mean / speed.mean
        bar = Html(f"{share(times / ideal)} {100 * times / ideal:.0f} %")
        rows.append(
            (
                speed.limit,
                speed.peak,
                seconds_text(speed.mean),
                Number(f"{times:.2f}"),
                Number(f"{ideal:g}"),
                bar,
            )
        )
    header = ("files at work at most", "peak seen", "time", "times as fast", "ideal", "measured of ideal")
    yield Section("speedup", "Speed-up", table(header, rows))


def _grid(section: str, what: str, tables: Sequence[Table], rows: Mapping[str, Mapping[str, Row]]) -> str:
    """What each variant fixed of each code or file; first those on which variants differ most."""
    ranked = sorted(rows, key=lambda it: (-_spread(rows[it].values()), it))
    shown = ranked[: max(_CELLS // max(len(tables), 1), 1)]
    body = "".join(_grid_row(it, rows[it], tables) for it in shown)
    head = "".join(f"<th>{it}</th>" for it in (what, "findings", *(line(it.variant, 80) for it in tables)))
    more = f"<p>and {len(ranked) - len(shown):,} more</p>" if len(shown) < len(ranked) else ""
    form = sieve(f"#{section} tbody tr", "Search")
    note = "Those on which variants differ most come first."
    return f"<p>{note}</p>{form}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _grid_row(what: str, rows: Mapping[str, Row], tables: Sequence[Table]) -> str:
    # End tags that HTML does not need are left out: there may be thousands of rows.
    cells = "".join(_grid_cell(rows.get(it.variant)) for it in tables)
    return f'<tr><td class="path">{name(what)}<td class=n>{max(it.findings for it in rows.values())}{cells}\n'


def _grid_cell(row: Row | None) -> str:
    return "<td>" if row is None else f"<td class=n>{share(row.rate)} {row.fixed:.4g} of {row.findings}"


def _spread(rows: Iterable[Row]) -> float:
    """The findings that the best variant fixed and the worst did not."""
    fixed = [row.fixed for row in rows]
    return max(fixed) - min(fixed)
