"""What became of an experiment: its variants side by side, and everything that can be asked of them."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import (
    Comparison,
    Decision,
    Measure,
    Size,
    Table,
    Trial,
    Visit,
    compare,
    compare_all,
    size,
    tabulate,
)
from stomper_sdk.journal.experiments import Store
from stomper_sdk.laboratory.cells import Tried
from stomper_sdk.laboratory.trials import trials_of, visits_of
from stomper_sdk.laboratory.variants import paired_with
from stomper_sdk.model.experiment import ALPHA, ExperimentStatus, Stop, VariantStatus
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.present import counted, listed, one_line, seconds_text
from stomper_sdk.model.price import Spending
from stomper_sdk.model.result import RunResult
from stomper_sdk.options import did_you_mean

__all__ = ["Experiment", "TriedVariant"]

_LOOK = "stomper_sdk.look.experiment"
_READING, _DOCUMENT = "stomper_sdk.laboratory.reading", "stomper_sdk.laboratory.document"


@attrs.frozen
class TriedVariant:
    """A variant and how far it came; `reason` says why no further. `functions` are agents of Python's."""

    name: str
    overrides: Mapping[str, Any]
    functions: tuple[str, ...]
    status: VariantStatus
    reason: str | None = None


@attrs.frozen(repr=False)
class Experiment:
    """Variants of a pipeline, tried on the same findings of the same commit.

    `tasks` are the files that were drawn, with their findings, and `available` counts what they were drawn
    from. `runs` are those that have ended. `decisions` say of `stop: sequential` what each look told of each
    pair. Of a variant that failed nothing is counted as zero: it is left out of every comparison. `notices`
    are what a person should know, also what any of its runs had to say.
    """

    id: str
    name: str
    pipeline: str
    repo: str
    base_commit: str
    status: ExperimentStatus
    variants: tuple[TriedVariant, ...]
    against: str | None
    repeats: int
    sample: int
    available: int
    seed: int
    stop: Stop
    tasks: tuple[FileTask, ...] = attrs.field(repr=False)
    runs: tuple[Tried, ...] = attrs.field(repr=False)
    decisions: tuple[Decision, ...] = ()
    spent: Spending = Spending()
    duration_seconds: float = 0.0
    peak_parallel_files: int = 0
    notices: tuple[str, ...] = ()
    store: Store | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def exit_code(self) -> int:
        """0: every variant came to its end; 1: one failed; 4: the budget or a quota ended; 130: cancelled."""
        codes = {"stopped": 4, "cancelled": 130, "died": 3}
        seen = {variant.status for variant in self.variants}
        return codes.get(self.status, 4 if "stopped" in seen else 1 if "failed" in seen else 0)

    @property
    def finding_count(self) -> int:
        """The findings that were drawn."""
        return sum(len(task.findings) for task in self.tasks)

    @functools.cached_property
    def trials(self) -> tuple[Trial, ...]:
        """Each finding, once for each time that a variant was tried on it; failed variants have none."""
        return tuple(
            trial
            for run in self._counted()
            for trial in trials_of(run.result, self._tasks_of(run), run.cell.variant, run.cell.repeat)
        )

    @functools.cached_property
    def visits(self) -> tuple[Visit, ...]:
        """Each file, once for each time that a variant was tried on it."""
        return tuple(
            visit
            for run in self._counted()
            for visit in visits_of(run.result, run.cell.variant, run.cell.repeat)
        )

    @functools.cached_property
    def tables(self) -> tuple[Table, ...]:
        """What each variant came to, on the whole, by code and by file, in the order of the variants.

        Raises:
            UsageError: the libraries that compute are not installed.
        """
        order = {variant.name: number for number, variant in enumerate(self.variants)}
        return tuple(sorted(tabulate(self.trials, self.visits), key=lambda table: order[table.variant]))

    def table(self, variant: str) -> Table:
        """What one variant came to.

        Raises:
            UsageError: there is no such variant, it failed, or what computes is not installed.
        """
        self._known(variant)
        return next(table for table in self.tables if table.variant == variant)

    def compare(self, a: str, b: str, measure: Measure = "fixed", alpha: float = 0.05) -> Comparison:
        """How much a gave more than b, on the findings that both had, and how surely.

        Of a sequential experiment the rate is told as its last look at this pair has found it.

        Args:
            a: a variant by its name.
            b: another.
            measure: `fixed` for the rate of fixed findings; `cost_usd`, `seconds` or `tokens` of a finding.
            alpha: how often two equal variants may be told apart.

        Raises:
            UsageError: there is no such variant, it failed, they share nothing, or scipy is not installed.
        """
        self._known(a)
        self._known(b)
        first, second = ([it for it in self.trials if it.variant == name] for name in (a, b))
        return self._looked(compare(first, second, measure=measure, alpha=alpha, seed=self.seed))

    def comparisons(self, measure: Measure = "fixed", alpha: float = 0.05) -> Sequence[Comparison]:
        """All pairs, or all with the one of `against`; corrected for their number by Holm's method.

        Raises:
            UsageError: fewer than two variants were tried, or what computes is not installed.
        """
        if (measure, alpha) not in self._compared:
            names, against = self._comparable
            trials = sorted(self.trials, key=lambda trial: names.index(trial.variant))
            found = compare_all(trials, against=against, measure=measure, alpha=alpha, seed=self.seed)
            self._compared[measure, alpha] = tuple(map(self._looked, found))
        return self._compared[measure, alpha]

    def size(self, effect: float = 0.1, power: float = 0.8, alpha: float = 0.05) -> Size:
        """How many findings an experiment like this needs to see a difference, by what this one has seen.

        With several pairs the most demanding counts, and the level is divided by their number.

        Raises:
            UsageError: as `comparisons`; or no difference as large as that can be between such variants.
        """
        seen = self.comparisons()
        each = alpha / len(seen)
        sizes = [
            size(
                effect,
                power,
                alpha=each,
                discordance=min(max(it.discordance or 0.0, effect), 1.0),
                design_effect=max(it.design_effect, 1.0),
            )
            for it in seen
        ]
        return max(sizes, key=lambda it: it.findings)

    def results(self, variant: str, repeat: int = 0) -> tuple[RunResult, ...]:
        """The runs of a variant, a block after the other.

        Raises:
            UsageError: there is no such variant.
        """
        self._declared(variant)
        runs = [it for it in self.runs if (it.cell.variant, it.cell.repeat) == (variant, repeat)]
        return tuple(it.result for it in sorted(runs, key=lambda it: it.cell.block))

    def explain(self, path: str, variant: str, repeat: int = 0) -> Any:
        """The story of one file under a variant: prompts, replies, what was fixed, broken and refused.

        Raises:
            StomperError: it was not tried there, or what was kept of it cannot be read.
        """
        return _look().story_in(self, path, variant, repeat)

    def to_frame(
        self,
        kind: Literal["variants", "codes", "files", "findings", "runs", "comparisons"] = "variants",
        library: Literal["pandas", "polars"] = "pandas",
    ) -> Any:
        """A table of pandas or polars.

        Args:
            kind: `variants` (one that failed has a reason and no numbers), `codes`, `files`, `findings` (once
                for each time that a variant was tried on it), `runs`, or `comparisons` of all that was told.
            library: which of them.

        Raises:
            UsageError: there is no such table, or a library is not installed.
        """
        return _look().to_frame(self, kind, library)

    def plot_variants(self) -> Any:
        """The share of findings that each variant fixed, with its interval; a figure of matplotlib."""
        return _look().plot_variants(self)

    def plot_comparisons(self, measure: Measure = "fixed", alpha: float = 0.05) -> Any:
        """By how much variants differ, with intervals around 0; a figure of matplotlib.

        Raises:
            UsageError: as `comparisons`.
        """
        return _look().plot_comparisons(self, measure, alpha)

    def plot_pareto(self, x: Literal["cost_usd", "tokens", "seconds"] | None = None) -> Any:
        """What each variant took against what it fixed, with the Pareto front; a figure of matplotlib.

        Args:
            x: what is taken; left out, the first of these that was told of all variants.

        Raises:
            UsageError: no variant has told that.
        """
        return _look().plot_pareto(self, x)

    def plot_codes(self) -> Any:
        """The share of findings of each code that each variant fixed, as a heat map; of matplotlib."""
        return _look().plot_codes(self)

    def plot_speedup(self) -> Any:
        """Measured against ideal speed-up of variants over `parallelism.max_parallel_files`; of matplotlib.

        Raises:
            UsageError: the variants differ in something else.
        """
        return _look().plot_speedup(self)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write all that was found as one HTML file, which asks for nothing from elsewhere.

        Raises:
            StomperError: it cannot be written, or what computes is not installed.
        """
        _look().save_report(self, path)

    def to_csv(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write every table of `to_frame` as a CSV file into a folder, which is made if it is missing.

        Returns:
            The files.

        Raises:
            StomperError: one cannot be written, or what computes is not installed.
        """
        written: tuple[Path, ...] = _look().to_csv(self, folder)
        return written

    def to_parquet(self, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Write every table of `to_frame` as a Parquet file; see `to_csv`.

        Raises:
            StomperError: one cannot be written, or a library is not installed.
        """
        written: tuple[Path, ...] = _look().to_parquet(self, folder)
        return written

    def to_mlflow(self, uri: str | None = None, experiment_name: str | None = None) -> str:
        """Log to MLflow: a run for the whole with report and tables, and below it a run for each variant.

        Args:
            uri: the tracking store, such as `sqlite:///mlflow.db`; left out, what MLflow is set to.
            experiment_name: under which it is filed; left out, this one's name.

        Returns:
            The id of the run for the whole.

        Raises:
            StomperError: MLflow refuses something, or a library is not installed.
        """
        return str(_look().to_mlflow(self, uri, experiment_name))

    def to_dict(self) -> dict[str, Any]:
        """What `--output json` prints: plain data, as `schema/experiment-result.schema.json` tells.

        Raises:
            UsageError: what computes is not installed.
        """
        document: dict[str, Any] = import_module(_DOCUMENT).experiment_to_dict(self)
        return document

    @staticmethod
    def load(name: str = "last", repo: str | os.PathLike[str] = ".") -> Experiment:
        """A past experiment by its name, by a part that no other has, or the `last` one.

        Raises:
            StomperError: there is none, it is at work, or what it kept cannot be read.
        """
        loaded: Experiment = import_module(_READING).load_experiment(name, repo)
        return loaded

    def pairs(self) -> list[tuple[str, str]]:
        """The pairs that are compared, of variants that were tried."""
        return paired_with(*self._comparable)

    @property
    def headline(self) -> str:
        """The experiment in one line."""
        drawn = f"{counted(self.finding_count, 'finding')} in {counted(len(self.tasks), 'file')}"
        variants = counted(len(self.variants), "variant")
        time = seconds_text(self.duration_seconds)
        times = f" x {self.repeats}" if self.repeats > 1 else ""
        return f"{self.id} {self.status}: {self.name}: {variants}{times} on {drawn}; {time}"

    def __repr__(self) -> str:
        return f"<Experiment {one_line(self.headline)}>"

    def _repr_html_(self) -> str:
        return str(_look().experiment_html(self))

    def _counted(self) -> Sequence[Tried]:
        """The runs that count, in the order of the variants: that in which they were made is of chance."""
        order = {it.name: place for place, it in enumerate(self.variants) if it.status != "failed"}
        counted = (run for run in self.runs if run.cell.variant in order)
        return sorted(counted, key=lambda run: (order[run.cell.variant], run.cell.number))

    def _tasks_of(self, run: Tried) -> Sequence[FileTask]:
        paths = {file.path for file in run.result.files}
        return [task for task in self.tasks if task.path in paths]

    @functools.cached_property
    def _tried(self) -> frozenset[str]:
        return frozenset(trial.variant for trial in self.trials)

    @functools.cached_property
    def _compared(self) -> dict[tuple[Measure, float], tuple[Comparison, ...]]:
        """What was compared already: many pairs take a while."""
        return {}

    def _looked(self, told: Comparison) -> Comparison:
        """The comparison, by what was decided of the pair while the experiment went on."""
        if told.measure != "fixed":
            return told
        family = len(paired_with([it.name for it in self.variants], self.against))
        for decision in reversed(self.decisions):
            if (decision.a, decision.b) == (told.a, told.b):
                return decision.told(told, ALPHA, family)
            if (decision.a, decision.b) == (told.b, told.a):
                return decision.turned.told(told, ALPHA, family)
        return told

    @property
    def _comparable(self) -> tuple[Sequence[str], str | None]:
        """The variants that were tried, and the one of them that the others are compared with."""
        names = [variant.name for variant in self.variants if self._has(variant.name)]
        return names, self.against if self.against in names else None

    def _has(self, variant: str) -> bool:
        return variant in self._tried

    def _declared(self, name: str) -> TriedVariant:
        found = next((it for it in self.variants if it.name == name), None)
        if found is None:
            names = [it.name for it in self.variants]
            mean = did_you_mean(name, names)
            raise UsageError(f"there is no variant {name!r}{mean}", f"There are: {listed(names)}.")
        return found

    def _known(self, name: str) -> None:
        variant = self._declared(name)
        if not self._has(name):
            why = f": {variant.reason}" if variant.reason else ""
            raise UsageError(f"variant {name!r} was not tried to any end{why}")


def _look() -> Any:
    # To show an experiment takes what stands floors above: imported when somebody looks.
    return import_module(_LOOK)
