"""What `adaptive` loses against somebody who knows every rate, and what simpler rules lose: a simulation.

`python benchmarks/learning.py [--seeds N]`. Nothing is run and nothing is written.

A world has 30 codes and 2,000 findings of them. Each code has a rate at which it is mended at each of four
levels, and each level its cost in tokens: some codes are mended at any level, some in detail only, some
hardly ever, some the worse the more is told. Runs of 50 findings follow each other; each finding gets up to
three attempts in a run, and what is left waits for a later run, until all are mended. So every rule mends the
same, and what it paid tells how good it was. The regret is what it paid beyond the least that somebody who
knows all rates is expected to pay: for each finding, the smallest cost of an attempt divided by its rate.

`adaptive` is the product's own code, and learns as there: from what had ended when a run began.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from stomper_sdk.learning import Experience, Lesson, Situation, choose
from stomper_sdk.model.file import CodeTally

LEVELS = ("minimal", "normal", "detailed", "verbose")
TOKENS = {"minimal": 700, "normal": 1200, "detailed": 2600, "verbose": 5500}
FINDINGS, CODES, RUN, ATTEMPTS = 2000, 30, 50, 3
#: The rates at the four levels, about which those of a code lie.
SHAPES = (
    (0.85, 0.88, 0.90, 0.90),  # mended whatever is told
    (0.40, 0.65, 0.75, 0.78),  # the more, the better
    (0.05, 0.12, 0.70, 0.75),  # in detail only
    (0.03, 0.08, 0.15, 0.60),  # with everything only
    (0.70, 0.60, 0.45, 0.35),  # lost in long prompts
    (0.06, 0.08, 0.12, 0.15),  # hardly ever
)


@attrs.frozen
class World:
    """The rates by code and level, and the code of each finding."""

    rates: Mapping[str, Mapping[str, float]]
    findings: tuple[str, ...]

    @classmethod
    def of(cls, seed: int, findings: int = FINDINGS) -> World:
        chance = random.Random(f"world {seed}")
        codes = [f"C{number:02}" for number in range(CODES)]
        rates = {code: _rates(SHAPES[number % len(SHAPES)], chance) for number, code in enumerate(codes)}
        weights = [1 / (1 + number) ** 0.7 for number in range(CODES)]
        chance.shuffle(weights)
        return cls(rates, tuple(chance.choices(codes, weights, k=findings)))

    def least(self, code: str) -> float:
        """What mending one finding of a code is expected to cost at its best level."""
        return min(TOKENS[level] / rate for level, rate in self.rates[code].items())


def _rates(shape: Sequence[float], chance: random.Random) -> Mapping[str, float]:
    shift = chance.uniform(0.75, 1.25)
    return {
        level: min(max(rate * shift * chance.uniform(0.9, 1.1), 0.03), 0.97)
        for level, rate in zip(LEVELS, shape, strict=True)
    }


class Rule:
    """Chooses levels. `begin` is called at the start of a run, `see` after each attempt."""

    def begin(self) -> None: ...

    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        raise NotImplementedError

    def see(self, code: str, level: str, again: bool, mended: bool, tokens: float) -> None: ...


@attrs.define
class Fixed(Rule):
    level: str

    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        return self.level


class Escalate(Rule):
    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        return LEVELS[min(len(failed), len(LEVELS) - 1)]


@attrs.define
class RoundRobin(Rule):
    turns: Iterator[str] = attrs.field(factory=lambda: itertools.cycle(LEVELS))

    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        return next(self.turns)


@attrs.define
class AtRandom(Rule):
    chance: random.Random = attrs.field(factory=lambda: random.Random(0))

    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        return self.chance.choice(LEVELS)


@attrs.define
class CutOff(Rule):
    """Below 60 % success detailed, above 80 % minimal, else normal; it learns after each attempt, at once."""

    seen: dict[str, list[int]] = attrs.field(factory=lambda: defaultdict(lambda: [0, 0]))

    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        mended, tried = self.seen[code]
        rate = mended / tried if tried else 0.7
        return "detailed" if rate < 0.6 else "minimal" if rate > 0.8 else "normal"

    def see(self, code: str, level: str, again: bool, mended: bool, tokens: float) -> None:
        self.seen[code][0] += mended
        self.seen[code][1] += 1


@attrs.define
class Knowing(Rule):
    """Knows every rate."""

    world: World

    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        rates = self.world.rates[code]
        return min(LEVELS, key=lambda level: TOKENS[level] / rates[level])


@attrs.define
class Adaptive(Rule):
    seed: int = 0
    lessons: list[Lesson] = attrs.field(factory=list)
    known: Experience = Experience()

    def begin(self) -> None:
        self.known = Experience.of(reversed(self.lessons))

    def choose(self, finding: int, code: str, failed: Sequence[str], attempt: int) -> str:
        situation = Situation(
            self.known,
            agents=("model",),
            findings={("check", code): 1},
            failed=tuple(("model", level) for level in failed),
            again=bool(failed),
            seed=self.seed,
            path=f"{finding}.py",
            attempt=attempt,
        )
        return choose(situation, LEVELS).level

    def see(self, code: str, level: str, again: bool, mended: bool, tokens: float) -> None:
        self.lessons.append(
            Lesson(
                key=str(len(self.lessons)),
                when=0.0,
                session="s",
                number=1,
                round=2 if again else 1,
                agent="model",
                kind="chat",
                model=None,
                level=level,
                outcome="fixed" if mended else "unfixed",
                failure=None,
                seconds=1.0,
                tokens_in=round(tokens),
                tokens_out=0,
                cost_usd=None,
                lines=None,
                findings=1,
                suffix=".py",
                codes=(CodeTally("check", code, 1, int(mended)),),
            )
        )


@attrs.frozen
class Paid:
    """What a rule paid until all was mended; `soon` is the share that was mended in its first run."""

    tokens: float
    attempts: int
    soon: float


def played(world: World, rule: Rule, seed: int) -> Paid:
    """Let a rule mend a world."""
    chance = random.Random(f"luck {seed}")
    waiting, tokens, attempts, soon = deque(range(len(world.findings))), 0.0, 0, 0
    tries: dict[int, int] = defaultdict(int)
    while waiting:
        rule.begin()
        for finding in [waiting.popleft() for _ in range(min(RUN, len(waiting)))]:
            code, failed = world.findings[finding], list[str]()
            for _ in range(ATTEMPTS):
                tries[finding] += 1
                level = rule.choose(finding, code, failed, tries[finding])
                mended = chance.random() < world.rates[code][level]
                price = TOKENS[level] * chance.uniform(0.7, 1.3)
                rule.see(code, level, bool(failed), mended, price)
                tokens, attempts = tokens + price, attempts + 1
                if mended:
                    break
                failed.append(level)
            else:
                waiting.append(finding)
                continue
            soon += tries[finding] <= ATTEMPTS
    return Paid(tokens, attempts, soon / len(world.findings))


RULES: Mapping[str, Callable[[World, int], Rule]] = {
    "knows the rates": lambda world, _: Knowing(world),
    "adaptive": lambda _, seed: Adaptive(seed),
    "escalate": lambda *_: Escalate(),
    "cut-off 60/80 %": lambda *_: CutOff(),
    "round-robin": lambda *_: RoundRobin(),
    "at random": lambda *_: AtRandom(),
    **{f"fixed:{level}": lambda *_, level=level: Fixed(level) for level in LEVELS},
}


def regrets(seed: int, findings: int = FINDINGS) -> Mapping[str, tuple[float, Paid]]:
    """For each rule its regret, in thousands of tokens, and what it paid."""
    world = World.of(seed, findings)
    least = sum(world.least(code) for code in world.findings)
    paid = {name: played(world, RULES[name](world, seed), seed) for name in RULES}
    return {name: ((it.tokens - least) / 1000, it) for name, it in paid.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="worlds (default: 5)")
    worlds = [regrets(seed) for seed in range(parser.parse_args().seeds)]
    best = [
        min((name for name in world if name.startswith("fixed:")), key=lambda name: world[name][0])
        for world in worlds
    ]
    print(f"{'rule':<18}{'regret, thousands of tokens':>30}{'attempts':>10}{'mended in its first run':>26}")
    for name in RULES:
        told = [world[name] for world in worlds]
        spans = [regret for regret, _ in told]
        span = f"{statistics.mean(spans):,.0f} ({min(spans):,.0f} to {max(spans):,.0f})"
        tries = statistics.mean(paid.attempts for _, paid in told)
        soon = statistics.mean(paid.soon for _, paid in told)
        print(f"{name:<18}{span:>30}{tries:>10,.0f}{soon:>25.0%}")
    print(f"\nthe best fixed level of each world, known afterwards only: {', '.join(best)}")
    for name in RULES:
        beaten = sum(world["adaptive"][0] < world[name][0] for world in worlds)
        if name not in ("adaptive", "knows the rates"):
            print(f"adaptive loses less than {name} in {beaten} of {len(worlds)} worlds")


if __name__ == "__main__":
    main()
