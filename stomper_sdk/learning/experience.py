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

import itertools
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
HALF_LIFE = 500
#: So many findings' worth weighs what is known of the kin.
STRENGTH = 4.0
_COST_STRENGTH = 3.0
#: What one who knows nothing expects of the least detailed level, and of the most detailed one.
_FIRST, _LAST = 0.5, 0.7
#: What failed once is harder than what was never tried.
_AGAIN = 0.6
#: What was seen at first attempts counts for later ones as so many findings at most.
_AGAIN_STRENGTH = 12.0
_SURE = 0.98
#: A level costs so much more than the one below it, as far as nothing is known.
_DEARER = 1.6
#: Attempts that are worth to be looked at; older ones weigh next to nothing any more.
LIMIT = 5000


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
_EVERYTHING = ("", "")


def _pools(tally: CodeTally) -> Sequence[tuple[str, str]]:
    """What a code is believed by: everything, its check, itself."""
    return _EVERYTHING, (tally.check, ""), (tally.check, tally.code)


@attrs.frozen
class Experience:
    """What was known at one moment; it does not change while a run goes on."""

    attempts: int = 0
    _seen: Mapping[_Pool, _Seen] = attrs.field(factory=dict, repr=False)
    _spent: Mapping[tuple[str, str], _Spent] = attrs.field(factory=dict, repr=False)
    _again: Mapping[str, float] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, lessons: Iterable[Lesson]) -> Experience:
        """Learn from lessons, in any order; of those of one moment, the first is the newest."""
        seen: dict[_Pool, _Seen] = defaultdict(_Seen)
        spent: dict[tuple[str, str], _Spent] = defaultdict(_Spent)
        ages: dict[tuple[str, str], int] = defaultdict(int)
        telling = [lesson for lesson in lessons if lesson.is_telling and lesson.level]
        count = 0
        for lesson in sorted(telling, key=lambda it: it.when, reverse=True):
            arm, count = Arm(lesson.agent, lesson.level, lesson.round > 1), count + 1
            pools = [_pools(tally) for tally in lesson.codes]
            for tally, met in zip(lesson.codes, pools, strict=True):
                for pool in met if tally.tried > 0 else ():
                    seen[(arm, *pool)] = seen[(arm, *pool)].plus(tally, _faded(ages[pool]))
            place = (lesson.agent, lesson.level)
            spent[place] = spent[place].plus(lesson, _faded(ages[_EVERYTHING]))
            for pool in {_EVERYTHING, *itertools.chain.from_iterable(pools)}:
                ages[pool] += 1
        return cls(count, dict(seen), dict(spent), _harder(seen))

    def belief(self, arm: Arm, levels: Sequence[str], check: str, code: str) -> Belief:
        """The rate at which an arm mends a code.

        Args:
            arm: an agent and a level.
            levels: from the least to the most detailed; where the arm's stands among them is all that is
                known before anything is.
            check: the check's name.
            code: its code.
        """
        first = attrs.evolve(arm, again=False)
        mean = self._kin(first, levels, check) * self._worse(first, levels, check, code)
        believed = _updated(min(mean, _SURE), STRENGTH, self._seen.get((first, check, code), _Seen()))
        if not arm.again:
            return believed
        mean = min(believed.mean * self._again.get(arm.agent, _AGAIN), _SURE)
        strength = min(believed.a + believed.b, _AGAIN_STRENGTH)
        return _updated(mean, strength, self._seen.get((arm, check, code), _Seen()))

    def _kin(self, first: Arm, levels: Sequence[str], check: str) -> float:
        """The rate of a level at codes of a check."""
        mean = _FIRST + (_LAST - _FIRST) * levels.index(first.level) / max(len(levels) - 1, 1)
        for pool in (_EVERYTHING, (check, "")):
            known = self._seen.get((first, *pool), _Seen())
            mean = (STRENGTH * mean + known.fixed) / (STRENGTH + known.tried)
        return mean

    def _worse(self, first: Arm, levels: Sequence[str], check: str, code: str) -> float:
        """How a code fares against its kin at the other levels: what fails at all of them is hard here."""
        expected = fixed = STRENGTH
        for level in levels:
            if level == first.level:
                continue
            other = Arm(first.agent, level)
            usual = self._kin(other, levels, check)
            for again, factor in ((False, 1.0), (True, self._again.get(first.agent, _AGAIN))):
                seen = self._seen.get((attrs.evolve(other, again=again), check, code), _Seen())
                expected += seen.tried * usual * factor
                fixed += seen.fixed
        return fixed / expected

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


def _updated(mean: float, strength: float, seen: _Seen) -> Belief:
    missed = strength * (1 - mean) + seen.tried - seen.fixed
    return Belief(strength * mean + seen.fixed, max(missed, 1e-3), seen.count)


def _harder(seen: Mapping[_Pool, _Seen]) -> Mapping[str, float]:
    """By agent, how much harder findings are that were tried before than others of the same codes.

    Later attempts meet the hard codes: their rate is compared with that of the same codes and levels at
    first attempts (indirect standardisation).
    """
    expected: dict[str, float] = defaultdict(float)
    fixed: dict[str, float] = defaultdict(float)
    for (arm, check, code), later in seen.items():
        if arm.again and code:
            first = seen.get((attrs.evolve(arm, again=False), check, code), _Seen())
            usual = (STRENGTH * _FIRST + first.fixed) / (STRENGTH + first.tried)
            expected[arm.agent] += later.tried * usual
            fixed[arm.agent] += later.fixed
    return {agent: (STRENGTH * _AGAIN + fixed[agent]) / (STRENGTH + expected[agent]) for agent in expected}


def _faded(age: int) -> float:
    weight: float = 0.5 ** (age / HALF_LIFE)
    return weight
