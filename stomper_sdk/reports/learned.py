"""What was learned, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stomper_sdk.model.learned import Learned, Record
from stomper_sdk.model.present import one_line, visible
from stomper_sdk.reports.layout import table, wrapped

__all__ = ["learned_text"]

_SHOWN = 15
_COLUMNS = ("tried", "fixed", "rate", "95 %", "attempts", "time", "tokens/fix", "USD/fix")


def learned_text(learned: Learned, width: int = 80) -> str:
    """Rates by code, agent and level, what is hard and easy, and what would be chosen now."""
    if not learned.attempts:
        return learned.headline
    parts = [
        wrapped(learned.headline, width, indent=2),
        *_records("code", learned.codes, width),
        *_records("agent", learned.agents, width),
        *_records("level", learned.levels, width),
        *_named("Hard: surely less than half is fixed", learned.hard, width),
        *_named("Easy: surely more than four in five are fixed", learned.easy, width),
        *_preferences(learned, width),
    ]
    return "\n".join(parts)


def _records(kind: str, records: Sequence[Record], width: int) -> Iterator[str]:
    if not records:
        return
    yield ""
    rows = [(kind, *_COLUMNS), *((_name(record), *_figures(record)) for record in records[:_SHOWN])]
    # What no agent has told is no column.
    told = [column for column in zip(*rows, strict=True) if any(column[1:])]
    header, *rows = zip(*told, strict=True)
    yield table(header, rows, width) or "\n".join(_stacked(header, row, width) for row in rows)
    if len(records) > _SHOWN:
        yield f"and {len(records) - _SHOWN} more: see --output json"


def _figures(record: Record) -> tuple[str, ...]:
    low, high = record.interval
    return (
        str(record.tried),
        str(record.fixed),
        f"{record.rate:.0%}",
        f"{low:.0%} to {high:.0%}",
        str(record.attempts),
        f"{record.seconds / record.attempts:.1f} s",
        _each(record.tokens, record.fixed, ",.0f"),
        _each(record.cost_usd, record.fixed, ".4f"),
    )


def _each(total: float | None, count: int, form: str) -> str:
    return "" if total is None or not count else format(total / count, form)


def _stacked(header: Sequence[str], row: Sequence[str], width: int) -> str:
    told = ", ".join(f"{name} {cell}" for name, cell in zip(header[1:], row[1:], strict=True) if cell)
    return wrapped(f"{header[0]} {row[0]}: {told}", width, indent=2)


def _name(record: Record) -> str:
    if record.code:
        return one_line(f"{record.code} ({record.check})", 40)
    return one_line(record.agent or record.level, 40)


def _named(title: str, records: Sequence[Record], width: int) -> Iterator[str]:
    if records:
        names = ", ".join(visible(record.code) for record in records)
        yield from ("", wrapped(f"{title}: {names}", width, indent=2))


def _preferences(learned: Learned, width: int) -> Iterator[str]:
    if not learned.preferences:
        return
    yield from (
        "",
        wrapped("What prompt.strategy: adaptive would choose for a first attempt", width, indent=2),
    )
    for it in learned.preferences[:_SHOWN]:
        code, agent, level = (visible(name) for name in (it.code, it.agent, it.level))
        yield wrapped(f"  {code}, {agent}: {level} in {it.share:.0%} of files; {it.why}", width, indent=4)
