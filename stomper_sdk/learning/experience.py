"""What past attempts teach, as numbers: how often a level of an agent mends a code, and at what cost.

Rates are Beta distributions, pooled in three steps: all codes of a level, those of one check, one code. Each
step is the prior of the next with the weight of a few findings, so that a code of which little is known is
judged by its kin, and one of which much is known by itself (empirical Bayes; Gelman et al., Bayesian Data
Analysis, 3rd ed., chapter 5).

What is old fades: an observation weighs half of what it did once so many later attempts met the same
code, whatever level they used. Levels that were left alone for long so become uncertain again, and are
tried again (discounted Thompson sampling: Raj and Kalyani, Taming Non-stationary Bandits, 2017).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import attrs

from stomper_sdk.learning.lesson import Lesson
from stomper_sdk.model.file import CodeTally

__all__ = ["Arm", "Belief", "Experience", "Unit"]

Unit = Literal["cost_usd", "tokens", "seconds"]
_UNITS: Sequence[Unit] = ("cost_usd", "tokens", "seconds")

#: Attempts at a code after which an observation of it weighs half.
HALF_LIFE = 200
#: So many findings' worth weighs what is known of the kin.
STRENGTH = 4.0
_COST_STRENGTH = 3.0
#: What one who knows nothing expects of the least detailed level, and of the most detailed one.
_FIRST, _LAST = 0.5, 0.7
#: What failed once is harder than what was never tried.
_AGAIN = 0.6
#: A level costs so much more than the one below it, as far as nothing is known.
_DEARER = 1.6
#: Attempts that are looked at; older ones weigh nothing any more.
_LIMIT = 20_000


@attrs.frozen
class Arm:
    """What can be chosen: an agent, a level; `again` where the same findings were tried before."""

    agent: str
    level: str
    again: bool = False


@attrs.frozen
class Belief:
    """A Beta distribution of a rate; `tried` findings were seen, as they are counted, not weighed."""

    a: float
    b: float
    tried: int

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)


@attrs.frozen
class _Seen:
    """Sums of weighed observations."""

    fixed: float = 0.0
    tried: float = 0.0
    count: int = 0

    def plus(self, tally: CodeTally, weight: float) -> _Seen:
        # Ten findings of one code in one file are mended together, or not: their evidence grows by the root.
        share = weight * tally.tried**-0.5
        return _Seen(
            self.fixed + share * tally.fixed, self.tried + share * tally.tried, self.count + tally.tried
        )


@attrs.frozen
class _Spent:
    """What attempts of a level cost: their weighed sum, by unit, and the weight of those that told it."""

    total: Mapping[Unit, float] = attrs.field(factory=dict)
    weight: Mapping[Unit, float] = attrs.field(factory=dict)

    def plus(self, lesson: Lesson, weight: float) -> _Spent:
        told = {unit: cost for unit in _UNITS if (cost := getattr(lesson, unit)) is not None}
        return _Spent(
            {**self.total, **{unit: self.total.get(unit, 0.0) + weight * it for unit, it in told.items()}},
            {**self.weight, **{unit: self.weight.get(unit, 0.0) + weight for unit in told}},
        )


_Pool = tuple[Arm, str, str]


@attrs.frozen
class Experience:
    """What was known at one moment; it does not change while a run goes on."""

    attempts: int = 0
    _seen: Mapping[_Pool, _Seen] = attrs.field(factory=dict, repr=False)
    _spent: Mapping[tuple[str, str], _Spent] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, lessons: Iterable[Lesson]) -> Experience:
        """Learn from lessons, the newest first."""
        seen: dict[_Pool, _Seen] = defaultdict(_Seen)
        spent: dict[tuple[str, str], _Spent] = defaultdict(_Spent)
        ages: dict[tuple[str, str], int] = defaultdict(int)
        count = 0
        for lesson in lessons:
            if not lesson.is_telling or not lesson.level:
                continue
            arm, count = Arm(lesson.agent, lesson.level, lesson.round > 1), count + 1
            met = {("", ""), *(pool for it in lesson.codes for pool in ((it.check, ""), (it.check, it.code)))}
            for tally in lesson.codes:
                for pool in (("", ""), (tally.check, ""), (tally.check, tally.code)):
                    if tally.tried > 0:
                        seen[(arm, *pool)] = seen[(arm, *pool)].plus(tally, _faded(ages[pool]))
            place = (lesson.agent, lesson.level)
            spent[place] = spent[place].plus(lesson, _faded(ages[("", "")]))
            for pool in met:
                ages[pool] += 1
            if count == _LIMIT:
                break
        return cls(count, dict(seen), dict(spent))

    def belief(self, arm: Arm, levels: Sequence[str], check: str, code: str) -> Belief:
        """The rate at which an arm mends a code.

        Args:
            arm: an agent and a level.
            levels: from the least to the most detailed; where the arm's stands among them is all that is
                known before anything is.
            check: the check's name.
            code: its code.
        """
        place = levels.index(arm.level) / max(len(levels) - 1, 1)
        mean = (_FIRST + (_LAST - _FIRST) * place) * (_AGAIN if arm.again else 1.0)
        for pool in (("", ""), (check, "")):
            known = self._seen.get((arm, *pool), _Seen())
            mean = (STRENGTH * mean + known.fixed) / (STRENGTH + known.tried)
        own = self._seen.get((arm, check, code), _Seen())
        missed = STRENGTH * (1 - mean) + own.tried - own.fixed
        return Belief(STRENGTH * mean + own.fixed, max(missed, 1e-3), own.count)

    def unit(self, agents: Iterable[str]) -> Unit:
        """In what costs are told: dollars where all these agents told them, else tokens, else seconds."""
        wanted = set(agents)
        for unit in _UNITS:
            told = {agent for (agent, _), spent in self._spent.items() if spent.weight.get(unit)}
            if wanted <= told:
                return unit
        return "seconds"

    def cost(self, agent: str, level: str, levels: Sequence[str], unit: Unit) -> float:
        """What an attempt costs on average; 1 for the least detailed level where nothing is known."""
        dear = {name: _DEARER**place for place, name in enumerate(levels)}
        told = [
            (key, spent) for key, spent in self._spent.items() if key[1] in dear and spent.weight.get(unit)
        ]
        mine = [(key, spent) for key, spent in told if key[0] == agent] or told
        weight = sum(dear[name] * spent.weight[unit] for (_, name), spent in mine)
        total = sum(spent.total[unit] for _, spent in mine)
        usual = dear[level] * (total / weight if total and weight else 1.0)
        own = self._spent.get((agent, level), _Spent())
        known = own.weight.get(unit, 0.0)
        return (_COST_STRENGTH * usual + own.total.get(unit, 0.0)) / (_COST_STRENGTH + known)


def _faded(age: int) -> float:
    weight: float = 0.5 ** (age / HALF_LIFE)
    return weight
