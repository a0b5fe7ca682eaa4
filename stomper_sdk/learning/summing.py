"""Lessons summed up: by code, by agent, by level, and what would be chosen now."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import attrs

from stomper_sdk.learning.choosing import Situation, choose
from stomper_sdk.learning.experience import Experience
from stomper_sdk.learning.lesson import Lesson
from stomper_sdk.model.file import CodeTally
from stomper_sdk.model.learned import Learned, Preference, Record

__all__ = ["summed_up"]

#: Check, code, agent and level; "" for those that are not told apart.
_Key = tuple[str, str, str, str]
_DRAWS = 100
_TOLD_CODES = 20


@attrs.define
class _Sum:
    """A record that grows."""

    attempts: int = 0
    tried: int = 0
    fixed: int = 0
    seconds: float = 0.0
    tokens: float | None = None
    cost_usd: float | None = None

    def add(self, lesson: Lesson, tallies: Collection[CodeTally], share: float) -> None:
        self.attempts += 1
        self.tried += sum(tally.tried for tally in tallies)
        self.fixed += sum(tally.fixed for tally in tallies)
        self.seconds += share * lesson.seconds
        self.tokens = _plus(self.tokens, lesson.tokens, share)
        self.cost_usd = _plus(self.cost_usd, lesson.cost_usd, share)


def summed_up(
    lessons: Iterable[Lesson],
    levels: Sequence[str],
    checks: Collection[str] = (),
    codes: Collection[str] = (),
    agents: Collection[str] = (),
) -> Learned:
    """What lessons come to.

    Args:
        lessons: the newest first.
        levels: from the least to the most detailed; others that lessons know come after them.
        checks: only these; empty means all.
        codes: likewise.
        agents: likewise.
    """
    sums: dict[_Key, _Sum] = defaultdict(_Sum)
    sessions: set[str] = set()
    since, until = math.inf, -math.inf
    chosen = []
    for lesson in lessons:
        wanted = _wanted(lesson, checks, codes)
        if not wanted or (agents and lesson.agent not in agents):
            continue
        chosen.append(attrs.evolve(lesson, codes=wanted))
        sessions.add(lesson.session)
        since, until = min(since, lesson.when), max(until, lesson.when)
        everything = sum(tally.tried for tally in lesson.codes) or 1
        for key, tallies in _groups(lesson, wanted):
            share = sum(tally.tried for tally in tallies) / everything
            sums[key].add(lesson, tallies, share)
    order = sorted(sums.items(), key=lambda item: (-item[1].tried, item[0]))
    records = [_record(it, *key) for key, it in order]
    return Learned(
        len(chosen),
        len(sessions),
        _time(since) if chosen else None,
        _time(until) if chosen else None,
        codes=tuple(record for record in records if record.code),
        agents=tuple(record for record in records if record.agent),
        levels=tuple(record for record in records if record.level),
        preferences=tuple(_preferences(chosen, levels)),
    )


def _wanted(lesson: Lesson, checks: Collection[str], codes: Collection[str]) -> tuple[CodeTally, ...]:
    """What a lesson says of some codes; nothing where it says nothing of whom it was about."""
    return tuple(
        tally
        for tally in lesson.codes
        if lesson.is_telling
        and tally.tried
        and (not checks or tally.check in checks)
        and (not codes or tally.code in codes)
    )


def _groups(lesson: Lesson, wanted: Sequence[CodeTally]) -> Iterator[tuple[_Key, Sequence[CodeTally]]]:
    yield from (((tally.check, tally.code, "", ""), (tally,)) for tally in wanted)
    yield ("", "", lesson.agent, ""), wanted
    if lesson.level:
        yield ("", "", "", lesson.level), wanted


def _record(it: _Sum, check: str, code: str, agent: str, level: str) -> Record:
    paid = (it.seconds, it.tokens, it.cost_usd)
    return Record(it.attempts, it.tried, it.fixed, *paid, check, code, agent, level)


def _preferences(lessons: Sequence[Lesson], levels: Sequence[str]) -> Iterator[Preference]:
    """By code and agent, the level that most files would get now."""
    known = Experience.of(lessons)
    met = Counter((tally.check, tally.code, it.agent) for it in lessons if it.level for tally in it.codes)
    others = sorted({it.level for it in lessons if it.level}.difference(levels))
    for check, code, agent in [key for key, _ in sorted(met.items(), key=lambda it: (-it[1], it[0]))][
        :_TOLD_CODES
    ]:
        situation = Situation(known, (agent,), {(check, code): 1})
        drawn = [choose(attrs.evolve(situation, path=str(n)), (*levels, *others)) for n in range(_DRAWS)]
        ((level, count),) = Counter(choice.level for choice in drawn).most_common(1)
        why = next(choice.why for choice in drawn if choice.level == level)
        yield Preference(check, code, agent, level, count / _DRAWS, why or "")


def _plus(total: float | None, more: float | None, share: float) -> float | None:
    return total if more is None else (total or 0.0) + share * more


def _time(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
