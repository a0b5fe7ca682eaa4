"""What became of one file under one variant."""

from __future__ import annotations

from stomper_sdk.errors import UsageError
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.story import Diff, Story, file_of
from stomper_sdk.options import did_you_mean

__all__ = ["story_in"]


def story_in(experiment: Experiment, path: str, variant: str, repeat: int = 0) -> Story:
    """The story of a file under a variant, with what was asked, said and committed in its clone.

    Raises:
        UsageError: there is no such variant, or it was not tried on that file.
        StomperError: what was kept of it cannot be read.
    """
    results = experiment.results(variant, repeat)
    paths = [file.path for result in results for file in result.files]
    if path not in paths:
        mean = did_you_mean(path, paths)
        place = f"variant {variant!r}" + (f", repeat {repeat}" if repeat else "")
        raise UsageError(f"{place} was not tried on {path!r}{mean}", f"It was on {len(paths)} files.")
    runs = [run for run in experiment.runs if (run.cell.variant, run.cell.repeat) == (variant, repeat)]
    run = next(run for run in runs if any(file.path == path for file in run.result.files))
    kept = experiment.store.file(run.cell.number, path) if experiment.store else None
    file, patch = kept or (file_of(run.result, path), "")
    return Story(file, Diff(patch))
