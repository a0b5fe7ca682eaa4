"""An experiment as HTML for notebooks: its variants, what tells them apart, and more to be unfolded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Comparison, Row, Size, Table
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.fragments import Html, Number, line, table
from stomper_sdk.look.page import page
from stomper_sdk.model.present import counted, one_line, seconds_text
from stomper_sdk.model.price import dollars_text

__all__ = ["comparison_html", "experiment_html", "notes_of", "rows_by_name", "size_html", "variants_table"]

#: As many pairs as are compared in the blink of an eye, and cells as can be looked through.
_PAIRS, _CELLS, _MOST = 15, 2_000, 100
_HEADER = (
    *("variant", "fixed", "rate", "95 % interval", "new", "guard", "tests", "tries", "time", "tokens"),
    *("cost", "time / fixed", "cost / fixed"),
)


def experiment_html(experiment: Experiment) -> str:
    """The headline, a row for each variant, what tells them apart; codes and files unfold."""
    notes = "".join(f"<p>{line(note, 600)}</p>" for note in notes_of(experiment))
    try:
        body = _found(experiment)
    except UsageError as error:  # what computes is not installed
        body = f"{variants_table(experiment, ())}<p>{line(str(error), 600)}</p>"
    return page(f"<p><b>{line(experiment.headline)}</b></p>{notes}{body}")


def comparison_html(comparison: Comparison) -> str:
    """A comparison in words."""
    return page(_told(comparison))


def size_html(size: Size) -> str:
    """How many findings are needed, in words."""
    return page(f"<p><b>{size.findings:,} findings</b></p><p>{line(size.text, 600)}</p>")


def variants_table(experiment: Experiment, tables: Iterable[Table]) -> str:
    """A row for each variant; those that were tried to no end say why and have no numbers."""
    rows = {it.variant: it.total for it in tables}
    # Where the answer was clear, there was nothing more to do.
    ends = {"completed": "", **({"unfinished": ""} if experiment.status == "decided" else {})}
    named = ((it.name, f"{it.name}{ends.get(it.status, f' ({it.status})')}") for it in experiment.variants)
    return table(_HEADER, (_variant(shown, rows.get(name)) for name, shown in named))


def rows_by_name(tables: Sequence[Table], kind: Literal["codes", "files"]) -> Mapping[str, Mapping[str, Row]]:
    """By the name of a code or file, the rows of those variants that have one."""
    found: dict[str, dict[str, Row]] = {}
    for it in tables:
        for row in it.codes if kind == "codes" else it.files:
            found.setdefault(row.name, {})[it.variant] = row
    return found


def notes_of(experiment: Experiment) -> Iterator[str]:
    """What a person should know, and why variants came to no end."""
    yield from experiment.notices
    for variant in experiment.variants:
        if variant.reason:
            yield f"{variant.name} {variant.status}: {variant.reason}"


def _found(experiment: Experiment) -> str:
    tables = experiment.tables
    folded = {"code": rows_by_name(tables, "codes"), "file": rows_by_name(tables, "files")}
    details = "".join(
        f"<details><summary>{counted(len(rows), what)}</summary>{_grid(tables, rows, what)}</details>"
        for what, rows in folded.items()
        if rows
    )
    return f"{variants_table(experiment, tables)}{_apart(experiment)}{details}"


def _grid(tables: Sequence[Table], rows: Mapping[str, Mapping[str, Row]], what: str) -> str:
    """What each variant fixed of each code or file, those with most findings first."""
    ranked = sorted(rows, key=lambda name: (-_most(rows[name].values()), name))
    shown = ranked[: min(_MOST, max(_CELLS // max(len(tables), 1), 1))]
    more = f"<p>and {len(ranked) - len(shown):,} more</p>" if len(shown) < len(ranked) else ""
    listed = (
        (name, _most(rows[name].values()), *(_share(rows[name].get(it.variant)) for it in tables))
        for name in shown
    )
    return table((what, "findings", *(one_line(it.variant, 80) for it in tables)), listed) + more


def _apart(experiment: Experiment) -> str:
    pairs = experiment.pairs()
    if not pairs:
        return ""
    if len(pairs) > _PAIRS:
        return f"<p>{len(pairs)} pairs: <code>comparisons()</code> tells what differs.</p>"
    try:
        told = "".join(map(_told, experiment.comparisons()))
    except UsageError as error:  # variants that were not tried on the same findings
        return f"<p>{line(str(error), 600)}</p>"
    return f"<details open><summary>{counted(len(pairs), 'comparison')}</summary>{told}</details>"


def _told(comparison: Comparison) -> str:
    mark = Html('<span class="o">different</span> ') if comparison.different else ""
    return f"<p>{mark}{line(comparison.text, 800)}</p>"


def _variant(name: str, row: Row | None) -> Sequence[object]:
    if row is None:
        return (name, *[None] * (len(_HEADER) - 1))
    low, high = (100 * it for it in (row.interval.low, row.interval.high))
    return (
        name,
        Number(f"{row.fixed:.4g} of {row.findings:,}"),
        Number(f"{100 * row.rate:.1f} %"),
        Number(f"{low:.1f} to {high:.1f} %"),
        *map(_amount, (row.new_findings, row.guard_rejections, row.test_failures, row.attempts)),
        _seconds(row.seconds),
        _amount(row.tokens),
        _dollars(row.cost_usd),
        _seconds(row.seconds_per_fixed),
        _dollars(row.cost_per_fixed),
    )


def _share(row: Row | None) -> Number | None:
    return None if row is None else Number(f"{row.fixed:.4g} ({100 * row.rate:.0f} %)")


def _most(rows: Iterable[Row]) -> int:
    return max(row.findings for row in rows)


def _amount(value: float | None) -> Number | None:
    return None if value is None else Number(f"{value:,.1f}".removesuffix(".0"))


def _seconds(value: float | None) -> Number | None:
    return None if value is None else Number(seconds_text(value))


def _dollars(value: float | None) -> Number | None:
    return None if value is None else Number(dollars_text(value))
