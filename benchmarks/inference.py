"""How often the statistics of experiments are right: simulations of experiments whose truth is known.

`python benchmarks/inference.py [--samples N] [--processes N]`. Only the product's own functions are run.

A world has files with 1, 2, 3 ... findings, geometrically many. Findings of a file share its fate: each file
has its own chances that only `a` fixes a finding, only `b`, both or neither, drawn from a Dirichlet
distribution about those of the world, so that all that is counted within a file has the given correlation.
Truth is the difference of the world's chances.

Of each figure its Monte Carlo error is told: two standard errors of a share in so many samples.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import attrs
import numpy

from stomper_sdk.experiments import Sequential, Trial, compare, size, tabulate


@attrs.frozen
class World:
    """What experiments are drawn from.

    `difference` and `discordance` are of one repeat, `mean` the findings of a file, `correlation` that of its
    findings. With `repeats` each finding is tried so often, and each try goes its own way by the chances of
    its file. `spread` is that of the cost of a file, which is log-normal and the same under both variants.
    By `lopsided`, `a` is worse in four of five files, and four times as much better in the fifth.
    """

    files: int
    difference: float = 0.0
    discordance: float = 0.3
    mean: float = 3.0
    correlation: float = 0.2
    repeats: int = 1
    spread: float = 0.0
    lopsided: float = 0.0

    @property
    def design_effect(self) -> float:
        """By the formula that `size` names; the variance of a geometric number is known."""
        variation = 1 - 1 / self.mean
        return 1 + ((variation + 1) * self.mean - 1) * self.correlation

    def sample(self, seed: int) -> tuple[list[Trial], list[Trial]]:
        """An experiment: the trials of `a` and those of `b`, file by file."""
        chance = numpy.random.default_rng([seed, 7])
        counts = chance.geometric(1 / self.mean, self.files)
        trials: tuple[list[Trial], list[Trial]] = ([], [])
        for file, count in enumerate(counts):
            world = self._chances(-self.lopsided if chance.random() < 0.8 else 4 * self.lopsided)
            own = chance.dirichlet(world * (1 / self.correlation - 1)) if self.correlation else world
            ends = chance.choice(4, (count, self.repeats), p=own / own.sum())
            costs = chance.lognormal(0.0, self.spread, 2)
            for (finding, repeat), end in numpy.ndenumerate(ends):
                name = f"{file}:{finding}"
                for side, variant in enumerate("ab"):
                    fixed = bool(end in ((0, 2), (1, 2))[side])
                    trials[side].append(
                        Trial(variant, name, str(file), fixed, repeat, cost_usd=float(costs[side]))
                    )
        return trials

    def _chances(self, shift: float) -> numpy.ndarray:
        """That only `a` fixes a finding, only `b`, both, neither."""
        difference, rest = self.difference + shift, (1 - self.discordance) / 2
        only = (self.discordance + difference) / 2, (self.discordance - difference) / 2
        return numpy.maximum([*only, rest, rest], 1e-12)


def told_apart(world: World, seed: int) -> bool:
    """Whether the test finds a difference."""
    return compare(*world.sample(seed), resamples=20).different


def mcnemar(world: World, seed: int) -> bool:
    """Whether the McNemar test finds one that takes each finding for a file of its own, which is wrong."""
    alone = ([attrs.evolve(it, file=it.finding) for it in side] for side in world.sample(seed))
    return compare(*alone, resamples=20).different


def covered(world: World, seed: int) -> bool:
    """Whether the interval of the difference of rates holds the truth."""
    return world.difference in compare(*world.sample(seed), seed=seed, resamples=999).interval


def cost_covered(world: World, seed: int) -> bool:
    """Whether the interval of the difference of costs holds the truth, which is 0."""
    return 0.0 in compare(*world.sample(seed), measure="cost_usd", seed=seed, resamples=999).interval


def rate_covered(world: World, seed: int) -> bool:
    """Whether Wilson's interval of the one variant's rate holds the truth."""
    truth = (1 - world.discordance) / 2 + (world.discordance + world.difference) / 2
    return truth in tabulate(world.sample(seed)[0])[0].total.interval


def stopped(world: World, findings: int, looks: int, seed: int) -> tuple[bool, int, bool]:
    """Whether it finds a difference, after how many findings, and whether its interval holds the truth."""
    experiment = Sequential("a", "b", findings)
    for batch in _batches(world, findings, looks, seed):
        decision = experiment.update(batch)
        if decision.stop:
            return decision.different, decision.n, world.difference in decision.interval
    raise AssertionError("the world is too small")


def _batches(world: World, findings: int, looks: int, seed: int) -> Iterator[Sequence[Trial]]:
    """Whole files, until the batch has its part of the findings."""
    a, b = world.sample(seed)
    files: dict[str, list[Trial]] = {}
    for trial in (*a, *b):
        files.setdefault(trial.file, []).append(trial)
    batch: list[Trial] = []
    seen, due = 0, findings / looks
    for of_file in files.values():
        batch += of_file
        seen += len(of_file) // (2 * world.repeats)
        if seen >= due:
            yield batch
            batch, due = [], due + findings / looks


def share(hits: Sequence[bool]) -> str:
    """`5.1 % ± 0.6`."""
    part = sum(hits) / len(hits)
    return f"{100 * part:.1f} % ± {200 * math.sqrt(max(part * (1 - part), 1e-9) / len(hits)):.1f}"


Asked = Callable[[World, int], bool]
NULLS = (
    ("one finding a file, 100 files", World(100, mean=1, correlation=0)),
    ("3 a file, 100 files", World(100)),
    ("3 a file, 30 files", World(30)),
    ("10 a file, 30 files, closely alike", World(30, mean=10, correlation=0.5)),
    ("3 a file, 60 files, 3 repeats", World(60, repeats=3)),
    ("3 a file, 60 files, equal on the whole only", World(60, lopsided=0.07)),
)
SPANS = (
    ("one finding a file, 60 files, 10 points", World(60, 0.1, mean=1, correlation=0)),
    ("3 a file, 20 files, 10 points", World(20, 0.1)),
    ("3 a file, 60 files, no difference", World(60)),
    ("3 a file, 60 files, 10 points", World(60, 0.1)),
    ("3 a file, 60 files, 2 points, 6 % differ", World(60, 0.02, 0.06)),
    ("3 a file, 200 files, 30 points, 40 % differ", World(200, 0.3, 0.4)),
    ("3 a file, 60 files, 10 points, 3 repeats", World(60, 0.1, repeats=3)),
)
COSTS = (
    ("costs, 30 files, log-normal of spread 0.5", World(30, spread=0.5)),
    ("costs, 60 files, log-normal of spread 1", World(60, spread=1.0)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    with multiprocessing.Pool(options.processes) as pool:
        seeds = range(options.samples)

        def told(what: str, world: World, ask: Asked) -> None:
            print(f"{what:62} {share(pool.map(partial(ask, world), seeds, 20))}", flush=True)

        print("Two equal variants told apart at the level 5 %")
        for name, world in NULLS:
            told(name, world, told_apart)
        told("(McNemar by finding) 10 a file, 30 files", NULLS[3][1], mcnemar)
        print("Intervals at 95 % that hold the truth")
        for name, world in SPANS:
            told(name, world, covered)
        for name, world in COSTS:
            told(name, world, cost_covered)
        for name, world in (SPANS[1], SPANS[3], SPANS[5]):
            told(f"Wilson: {name}", world, rate_covered)
        print("Power at the size that size() tells")
        for world in (World(1, 0.1, mean=1, correlation=0), World(1, 0.1), World(1, 0.15)):
            needed = size(world.difference, design_effect=world.design_effect).findings
            of_files = attrs.evolve(world, files=round(needed / world.mean))
            points = f"{100 * world.difference:.0f} points"
            told(f"{points}, {world.mean:.0f} a file: {needed} findings", of_files, told_apart)
        print("Sequential, 10 looks, of the findings that 10 points need")
        for world in (World(1, mean=1, correlation=0), World(1)):
            sequential(world, pool.map, seeds)


def sequential(world: World, mapped: Callable[..., list[tuple[bool, int, bool]]], seeds: range) -> None:
    """Print what looking ten times costs and saves."""
    findings = size(0.1, design_effect=world.design_effect).findings
    for difference in (0.0, 0.1, 0.15):
        # More files than are needed on average, since their findings are as many as they happen to be.
        real = attrs.evolve(world, files=round(1.6 * findings / world.mean) + 20, difference=difference)
        found = mapped(partial(stopped, real, findings, 10), seeds, 20)
        power = sum(hit for hit, _, _ in found) / len(found)
        mean = sum(seen for _, seen, _ in found) / len(found)
        what = f"{100 * difference:.0f} points, {world.mean:.0f} a file, at most {findings} findings"
        line = f"{what}: told apart {share([hit for hit, _, _ in found])}, interval holds "
        line += f"{share([holds for _, _, holds in found])}, {mean:.0f} findings on average"
        if difference:
            fixed = size(difference, min(power, 0.999), design_effect=world.design_effect).findings
            line += (
                f", {mean / findings:.0%} of the most, {mean / fixed:.0%} of the {fixed} that a fixed size "
            )
            line += "needs for the same power"
        print(line, flush=True)


if __name__ == "__main__":
    main()
